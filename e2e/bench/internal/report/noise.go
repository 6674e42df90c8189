package report

import "math"

// The rule by which runs are discarded. A round is a run of each server, one after the other.
const (
	// MaxStolen is the largest share of a core that the machine's host may have taken away in a run.
	MaxStolen = 0.02
	// MaxForeign is the largest share of a core that other processes may have used in a run.
	MaxForeign = 0.10
	// MaxDeviation is how far the baseline's figure may be from its median; a round with a larger deviation is discarded,
	// because the machine was not the same as in the other rounds.
	MaxDeviation = 0.15
	// MinArrived is the share of the frames that must reach the viewers of the baseline; else the generator or the kernel
	// was the limit, and no server shows what it can.
	MinArrived = 0.97
)

// Round is a run of each server, by name, and how noisy the machine was meanwhile.
type Round struct {
	Runs            map[string]Run
	Stolen, Foreign float64 // the most in one of the runs
}

// Names of the columns that the rule looks at.
const (
	CPU     = "CPU µs/frame"
	Arrived = "arrived %"
)

// DiscardNoisy returns the rounds that count. If none is quiet, all count, and noisy is true.
func DiscardNoisy(rounds []Round) (quiet []Round, noisy bool) {
	var calm []Round
	var baselines []Run
	for _, r := range rounds {
		if r.Noisy() {
			continue
		}
		calm = append(calm, r)
		if f, ok := r.Runs[baseline]; ok {
			baselines = append(baselines, f)
		}
	}
	median := Median(baselines)[CPU]
	for _, r := range calm {
		v, ok := r.Runs[baseline][CPU]
		if ok && median > 0 && math.Abs(v/median-1) > MaxDeviation {
			continue
		}
		quiet = append(quiet, r)
	}
	if len(quiet) == 0 {
		return rounds, len(rounds) > 0
	}
	return quiet, false
}

// Noisy reports whether a round is to be discarded whatever the others show.
func (r Round) Noisy() bool {
	arrived, ok := r.Runs[baseline][Arrived]
	return r.Stolen > MaxStolen || r.Foreign > MaxForeign || ok && arrived < 100*MinArrived
}
