package h264

import "github.com/bramble-cam/bramble/internal/media"

// CodecParams marks the parameter sets as those of a media.Track.
func (p *ParamSets) CodecParams() {}

// NormalizePacket brings the access unit of a packet into wire form, like Normalize, and fills in what it says of
// itself: Key, Params, Width and Height.
func (n *Normalizer) NormalizePacket(p *media.Packet) (Info, error) {
	au, info, err := n.Normalize(nil, p.Payload)
	if err != nil {
		return Info{}, err
	}
	p.Payload, p.Key, p.Width, p.Height = au, info.Key, info.Width, info.Height
	if info.Params != nil { // else a nil pointer would be parameters
		p.Params = info.Params
	}
	return info, nil
}
