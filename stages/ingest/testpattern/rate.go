package testpattern

import (
	"fmt"

	"github.com/gospool/spool/pipeline/media"
)

// Rate is a number of frames a second, as a fraction.
type Rate struct{ Num, Den int }

// maxRateTerm bounds Num and Den, so that the product of a frame number and one of them fits into 63 bits.
const maxRateTerm = 1_000_000

// String returns the rate as it is written in a URL.
func (r Rate) String() string {
	if r.Den == 1 {
		return fmt.Sprint(r.Num)
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}

func (r Rate) validate() error {
	if r.Num < 1 || r.Den < 1 || r.Num > maxRateTerm || r.Den > maxRateTerm || r.Num < r.Den || r.Num > maxFPS*r.Den {
		return fmt.Errorf("fps is %d/%d; it is from 1 to %d, with terms up to %d", r.Num, r.Den, maxFPS, maxRateTerm)
	}
	return nil
}

// ticks returns the time of frame n in ticks of a timescale, rounded to the nearest tick.
func (r Rate) ticks(n int64, timescale uint32) int64 {
	return media.Rescale(n*int64(r.Den), uint32(r.Num), timescale)
}

// second returns the time of frame n: whole seconds, and the rest as a number of parts of 1/Num second.
func (r Rate) second(n int64) (whole, part int64) {
	t := n * int64(r.Den)
	return t / int64(r.Num), t % int64(r.Num)
}

// firstOf returns the number of the first frame at or after a whole second.
func (r Rate) firstOf(second int64) int64 {
	return (second*int64(r.Num) + int64(r.Den) - 1) / int64(r.Den)
}
