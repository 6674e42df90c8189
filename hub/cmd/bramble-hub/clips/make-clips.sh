#!/bin/sh
# Makes the two clips that `bramble-hub demo` plays: garden.h264 and workshop.h264, raw Annex B, 640x360, 25 fps, 10 s,
# constrained baseline, a key frame every 2 s. They are drawn from nothing but formulas, so the project owns them.
# Every motion returns to its start after 10 s: the clips loop without a jump.
#
# Needs ffmpeg with libx264 and drawtext, and takes the font DejaVu Sans Mono if it is there. Run it in any directory;
# the clips are written beside this script. The files are committed: their bytes depend on the version of x264, so run
# this only to change the scenes.
set -eu

out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

limit=380000 # bytes for both clips: they are embedded in the hub
seconds=10
fps=25
pi2=6.283185307

ff() { ffmpeg -hide_banner -nostdin -v error -y "$@"; }

# sprite NAME WIDTH HEIGHT R G B A: one picture from formulas in X and Y, each giving 0..255.
sprite() {
	ff -f lavfi -i "nullsrc=s=$2x$3,format=rgba,geq=r='$4':g='$5':b='$6':a='$7'" -frames:v 1 "$work/$1.png"
}

# Formulas for alpha: an anti-aliased disc, and a box with round corners. Arguments: cx cy r, and x0 y0 x1 y1 r.
disc() { echo "255*clip($3+0.5-hypot(X-($1),Y-($2)),0,1)"; }
box() {
	echo "255*clip($5+0.5-hypot(max(abs(X-($1+$3)/2)-($3-($1))/2+$5,0),max(abs(Y-($2+$4)/2)-($4-($2))/2+$5,0)),0,1)"
}

# stack NAME BOTTOM TOP X Y: puts one picture over another, once.
stack() {
	ff -i "$work/$2.png" -i "$work/$3.png" -filter_complex "overlay=$4:$5:format=auto,format=rgba" -frames:v 1 "$work/$1.tmp.png"
	mv "$work/$1.tmp.png" "$work/$1.png"
}

# clip NAME CRF GRAPH INPUTS...: renders the graph, which ends in [scene], and burns in name, clock and frame number.
# Baseline has no B-frames. x264's look-ahead stays on (no -tune zerolatency): it costs a file no delay and saves a
# third.
clip() {
	name=$1 crf=$2 graph=$3
	shift 3
	args=""
	for s in "$@"; do args="$args -loop 1 -framerate $fps -i $work/$s.png"; done
	text="drawtext=font=DejaVu Sans Mono:fontsize=17:fontcolor=white@0.92:box=1:boxcolor=black@0.42:boxborderw=6"
	# shellcheck disable=SC2086 # args is a list
	ff $args -filter_complex "$graph;[scene]$text:x=14:y=332:text='$name  %{pts\\:hms}  %{eif\\:n\\:d\\:3}'[v]" -map '[v]' \
		-t $seconds -r $fps -pix_fmt yuv420p -c:v libx264 -threads 1 -preset veryslow -profile:v baseline -bf 0 -refs 3 \
		-crf "$crf" -x264-params "keyint=50:min-keyint=50:scenecut=0:rc-lookahead=50:aq-mode=3:deblock=1,1" \
		-colorspace bt709 -color_primaries bt709 -color_trc bt709 \
		-bsf:v 'filter_units=remove_types=6' -f h264 "$out/$name.h264"
}

garden() {
	# A clear evening: sky with a low sun's glow, stars and moon, three rows of hills, a meadow.
	sprite sky 640 360 \
		'24+Y*0.42+110*exp(-hypot((X-470)/260,(Y-235)/95))' '34+Y*0.30+48*exp(-hypot((X-470)/260,(Y-235)/95))' \
		'74+Y*0.22-20*exp(-hypot((X-470)/260,(Y-235)/95))' 255
	sprite stars 640 150 255 246 225 \
		'150*gt(sin(X*127.1+Y*311.7)*43758.5-floor(sin(X*127.1+Y*311.7)*43758.5),0.9985)*(1-Y/150)'
	sprite moon 70 70 '246-10*sin(X/5)*cos(Y/7)' '240-10*sin(X/5)*cos(Y/7)' '214-10*sin(X/5)*cos(Y/7)' \
		"max($(disc 35 35 19),70*exp(-max(hypot(X-35\,Y-35)-19\,0)/7))"
	stack still sky stars 0 0
	stack still still moon 96 38
	hills far 196 26 0.011 0.4 '70+Y*0.05' '74+Y*0.05' 112
	hills middle 226 22 0.016 2.1 44 60 82
	hills near 258 16 0.021 4.0 26 44 50
	sprite meadow 640 360 '20+(Y-270)*0.10' '46+(Y-270)*0.22+3*sin(X/9)' '34+(Y-270)*0.05' \
		"255*clip(Y-(286+8*sin(X*0.012+1)),0,1)"
	for layer in far middle near meadow; do stack still still $layer 0 0; done
	tree
	stack still still trunk 430 130

	# The parts that move.
	sprite cloud 890 90 226 190 196 \
		'86*clip(sin(X*0.0251327+0.6)*0.55+sin(X*0.0502655+Y*0.02+1.7)*0.45+sin(X*0.0753982-Y*0.05)*0.28-abs(Y-45)/34+0.12,0,1)'
	# A wind wheel: six sails, alike after a sixth of a turn.
	sprite wheel 132 132 '236-70*lt(sin(3*atan2(Y-66,X-66)),0)' '120+70*lt(sin(3*atan2(Y-66,X-66)),0)' '96+40*lt(sin(3*atan2(Y-66,X-66)),0)' \
		"255*clip(63-hypot(X-66,Y-66),0,1)*clip(hypot(X-66,Y-66)-6,0,1)*clip((0.62-abs(mod(atan2(Y-66,X-66)+7+hypot(X-66,Y-66)*0.006,$pi2/6)/($pi2/6)-0.5)*2)*hypot(X-66,Y-66)*0.3+0.5,0,1)+$(disc 66 66 6)"
	sprite pole 12 150 '92-4*abs(X-6)' '74-4*abs(X-6)' '66-4*abs(X-6)' "$(box 2.5 0 9.5 150 1)"
	stack still still pole 188 216
	flower
	sprite glow 28 28 255 '232-6*hypot(X-14,Y-14)' 140 '255*pow(max(1-hypot(X-14,Y-14)/13,0),1.8)'

	f=""
	at() { f="$f;[s$1][g$1]overlay=x='$2':y='$3'[s$(($1 + 1))]"; }
	w="$pi2*t/10"
	at 0 "300+120*sin($w)" "262+26*sin(2*$w+1)"
	at 1 "90+60*cos(2*$w)" "268+22*sin($w+2)"
	at 2 "500+70*sin($w+4)" "280+24*cos(2*$w)"
	at 3 "400+50*cos($w+1)+12*sin(4*$w)" "236+30*sin($w)"
	at 4 "240+40*sin(2*$w+3)" "300+12*cos(3*$w)"
	clip garden "$1" "[0][1]overlay=x='-mod(n,250)':y=66[a];\
[2]rotate='2*$pi2*t/10':c=none:bilinear=1[wheel];[a][wheel]overlay=128:152[b];\
[3]split=4[f0][f1][f2][f3];\
[f0]rotate='0.05*sin(2*$w)':c=none[r0];[f1]rotate='0.06*sin(2*$w-0.8)':c=none[r1];\
[f2]rotate='0.05*sin(2*$w-1.7)':c=none[r2];[f3]rotate='0.06*sin(2*$w-2.6)':c=none[r3];\
[b][r0]overlay=8:170[c];[c][r1]overlay=330:196[d];[d][r2]overlay=392:206[e];[e][r3]overlay=540:176[s0];\
[4]split=5[g0][g1][g2][g3][g4]$f;[s5]null[scene]" still cloud wheel flower glow
}

# hills NAME HEIGHT SWING RATE PHASE R G B
hills() {
	sprite "$1" 640 360 "$6" "$7" "$8" "255*clip(Y-($2-$3*sin(X*$4+$5)-$3*0.4*sin(X*$4*2.7+$5*3)),0,1)"
}

# A round tree on the right.
tree() {
	leaves="clip(62+7*sin(6*atan2(Y-70,X-80))+4*sin(11*atan2(Y-70,X-80))-hypot(X-80,Y-70)+0.5,0,1)"
	sprite trunk 160 180 "if(gt($leaves,0.5),30+0.25*(120-Y)+0.10*X,52)" "if(gt($leaves,0.5),62+0.30*(120-Y)+0.15*X,40)" \
		"if(gt($leaves,0.5),54,38)" "255*max($leaves,clip(7+max(Y-150,0)*0.15-abs(X-80)+0.5,0,1)*gt(Y,100)*lt(Y,172))"
}

# A flower whose foot is in the sprite's middle, so that it sways by rotating.
flower() {
	petals="clip(13+6*cos(6*atan2(Y-26,X-50))-hypot(X-50,Y-26)+0.5,0,1)"
	heart="clip(6.5-hypot(X-50,Y-26),0,1)"
	stem="clip(2.4-abs(X-50-3*sin(Y/24)),0,1)*gt(Y,30)*lt(Y,128)"
	leaf="clip(8-abs(Y-92-0.5*abs(X-50))-0.24*abs(X-50),0,1)*lt(abs(X-50),24)"
	sprite flower 100 240 "if(gt($heart,0),250,if(gt($petals,0.3),240-1.2*Y,46))" "if(gt($heart,0),196,if(gt($petals,0.3),128+Y,112))" \
		"if(gt($heart,0),84,if(gt($petals,0.3),176,62))" "255*max(max($petals,$stem),$leaf)"
}

workshop() {
	# A wall of boards, a window with evening light, a bench.
	sprite room 640 360 \
		'(58+10*sin(X/640*3.14)-Y*0.04-9*lt(mod(Y,58),2))*1.0+70*exp(-hypot((X-120)/150,(Y-90)/120))' \
		'(62+10*sin(X/640*3.14)-Y*0.04-9*lt(mod(Y,58),2))*1.0+46*exp(-hypot((X-120)/150,(Y-90)/120))' \
		'(74+10*sin(X/640*3.14)-Y*0.04-9*lt(mod(Y,58),2))*1.0+8*exp(-hypot((X-120)/150,(Y-90)/120))' 255
	sprite window 150 130 'if(lt(mod(X-6,69),4)+lt(mod(Y-6,58),4)+lt(X,8)+lt(Y,8)+gt(X,142)+gt(Y,122),66,255-Y*0.25)' \
		'if(lt(mod(X-6,69),4)+lt(mod(Y-6,58),4)+lt(X,8)+lt(Y,8)+gt(X,142)+gt(Y,122),50,206-Y*0.35)' \
		'if(lt(mod(X-6,69),4)+lt(mod(Y-6,58),4)+lt(X,8)+lt(Y,8)+gt(X,142)+gt(Y,122),42,138-Y*0.1)' "$(box 1 1 149 129 4)"
	sprite bench 640 130 '112-Y*0.32-14*lt(Y,5)+4*sin(X/37+2*sin(Y/9))' '80-Y*0.24-10*lt(Y,5)+3*sin(X/37+2*sin(Y/9))' '58-Y*0.2-8*lt(Y,5)' 255
	stack still room window 40 30
	stack still still bench 0 236

	# The printer: a frame, a bed; the head runs on the beam.
	sprite frame 230 190 "40+20*lt(Y,20)" "44+20*lt(Y,20)" "50+24*lt(Y,20)" \
		"max(max($(box 4 4 20 186 3),$(box 210 4 226 186 3)),max($(box 4 4 226 18 3),$(box 0 176 230 190 3)))"
	stack still still frame 390 62
	sprite plate 150 10 196 122 74 "$(box 0 0 150 10 3)"
	stack still still plate 430 226
	sprite vase 70 62 '92+50*sin(X/70*3.14)' '168+50*sin(X/70*3.14)-10*lt(mod(Y,6),1.5)' '176+40*sin(X/70*3.14)-10*lt(mod(Y,6),1.5)' \
		"255*clip(22+8*sin(Y/13)-abs(X-35)+0.5,0,1)"
	stack still still vase 470 164

	sprite beam 190 8 150 154 162 "$(box 0 0 190 8 2)"
	sprite head 40 44 'if(gt(Y,30),214,226-30*lt(Y,4))' 'if(gt(Y,30),178,98)' 'if(gt(Y,30),96,62)' \
		"max($(box 2 0 38 30 5),255*clip(10-(Y-30)*0.55-abs(X-20)+0.5,0,1)*gt(Y,29)*lt(Y,43))"
	gear big 144 60 16 '214-0.6*hypot(X-72,Y-72)' '168-0.5*hypot(X-72,Y-72)' '86-0.3*hypot(X-72,Y-72)'
	gear small 112 44 12 '150-0.4*hypot(X-56,Y-56)' '164-0.4*hypot(X-56,Y-56)' '178-0.4*hypot(X-56,Y-56)'
	sprite belt 890 84 'if(gt(Y,56),46+18*lt(mod(X,25),3)*lt(Y,62),if(lt(mod(X,250),90),206-0.5*Y-40*lt(abs(mod(X,250)-45),6),92))' \
		'if(gt(Y,56),50+18*lt(mod(X,25),3)*lt(Y,62),if(lt(mod(X,250),90),158-0.5*Y-34*lt(abs(mod(X,250)-45),6),146))' \
		'if(gt(Y,56),56+18*lt(mod(X,25),3)*lt(Y,62),if(lt(mod(X,250),90),104-0.4*Y-24*lt(abs(mod(X,250)-45),6),186))' \
		"255*max(between(Y,57,77),max(lt(mod(X,250),90)*gt(Y,8)*lt(Y,57),between(mod(X,250),140,200)*gt(Y,22)*lt(Y,57)))"
	sprite face 76 76 "if(lt(hypot(X-38,Y-38),31),236-150*lt(hypot(X-38\,Y-38),2.5)-120*gt(hypot(X-38,Y-38),25)*lt(abs(sin(6*atan2(Y-38,X-38))),0.18),52)" \
		"if(lt(hypot(X-38,Y-38),31),230-150*lt(hypot(X-38\,Y-38),2.5)-120*gt(hypot(X-38,Y-38),25)*lt(abs(sin(6*atan2(Y-38,X-38))),0.18),40)" \
		"if(lt(hypot(X-38,Y-38),31),214-150*lt(hypot(X-38\,Y-38),2.5)-120*gt(hypot(X-38,Y-38),25)*lt(abs(sin(6*atan2(Y-38,X-38))),0.18),34)" \
		"$(disc 38 38 36)"
	stack still still face 516 0
	sprite hand 64 64 196 54 44 "max($(box 31 8 33.6 40 1),$(disc 32 32 3.5))"
	sprite lamp 20 20 120 255 150 '255*pow(max(1-hypot(X-10,Y-10)/9,0),1.4)'

	# The gears mesh: 16 teeth at 1.5 turns, 12 teeth at 2 turns; 0.355 sets the teeth of one into the gaps of the other.
	w="$pi2*t/10"
	clip workshop "$1" "[1]rotate='1.5*$w':c=none[big];[2]rotate='0.355-2*$w':c=none[small];\
[0][big]overlay=178:26[a];[a][small]overlay=280:101[b];\
[b][3]overlay=410:y='118+3*sin(3*$w)'[c];[c][4]overlay=x='480+54*sin(3*$w)':y='112+3*sin(3*$w)'[d];\
[5]rotate='$w':c=none[hand];[d][hand]overlay=522:6[e];\
[e][6]overlay=x='-mod(2*n,250)':y=262[f];\
[f][7]overlay=588:220:enable='lt(mod(t,1),0.5)'[scene]" still big small beam head hand belt lamp
}

# gear NAME SIZE RADIUS TEETH R G B: with four spokes, so that it looks the same after a quarter turn.
gear() {
	c=$(($2 / 2))
	r="hypot(X-$c,Y-$c)" a="atan2(Y-$c,X-$c)"
	sprite "$1" "$2" "$2" "$5" "$6" "$7" \
		"255*clip($3+5*clip(2.5*sin($4*$a),-1,1)-$r+0.5,0,1)*clip($r-$3*0.13,0,1)*(1-clip(($r-$3*0.34)*0.7,0,1)*clip(($3*0.72-$r)*0.7,0,1)*clip(3*(abs(sin(2*$a))-0.38)*$r/10,0,1))"
}

garden "${GARDEN_CRF:-30}"
workshop "${WORKSHOP_CRF:-30}"

size=$(cat "$out/garden.h264" "$out/workshop.h264" | wc -c)
echo "garden.h264 $(wc -c <"$out/garden.h264") + workshop.h264 $(wc -c <"$out/workshop.h264") = $size bytes"
if [ "$size" -gt $limit ]; then
	echo "more than $limit bytes: raise GARDEN_CRF or WORKSHOP_CRF" >&2
	exit 1
fi
