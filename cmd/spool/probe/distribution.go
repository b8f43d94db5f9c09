package probe

import (
	"maps"
	"math"
	"slices"
)

// distribution counts positive numbers, such as the durations of access units. It is exact for up to maxDistinct
// different numbers. With more of them it rounds them, so that its memory is bounded; least, most and the mean stay
// exact.
type distribution struct {
	counts      map[int64]int64 // how often each number occurred, by the number divided by width
	width       int64           // numbers that count as one
	n, sum      int64
	least, most int64
}

const maxDistinct = 1 << 14

func (d *distribution) add(v int64) {
	if d.n == 0 {
		d.counts, d.width, d.least, d.most = map[int64]int64{}, 1, v, v
	}
	d.n, d.sum, d.least, d.most = d.n+1, d.sum+v, min(d.least, v), max(d.most, v)
	d.counts[v/d.width]++
	for len(d.counts) > maxDistinct {
		d.width *= 2
		coarse := make(map[int64]int64, maxDistinct)
		for v, n := range d.counts {
			coarse[v/2] += n
		}
		d.counts = coarse
	}
}

// median returns the number that half of the numbers do not exceed. It returns 0 if there are no numbers.
func (d *distribution) median() int64 {
	left := (d.n + 1) / 2
	for _, v := range slices.Sorted(maps.Keys(d.counts)) {
		if left -= d.counts[v]; left <= 0 {
			return min(max(v*d.width+d.width/2, d.least), d.most)
		}
	}
	return 0
}

// from returns how many of the numbers are at least v.
func (d *distribution) from(v int64) (n int64) {
	for k, count := range d.counts {
		if k*d.width >= v {
			n += count
		}
	}
	return n
}

// deviation returns the standard deviation of the numbers below limit.
func (d *distribution) deviation(limit int64) float64 {
	n, sum := 0.0, 0.0
	for k, count := range d.counts {
		if v := k * d.width; v < limit {
			n, sum = n+float64(count), sum+float64(v)*float64(count)
		}
	}
	if n == 0 {
		return 0
	}
	squares := 0.0
	for k, count := range d.counts {
		if v := k * d.width; v < limit {
			squares += float64(count) * (float64(v) - sum/n) * (float64(v) - sum/n)
		}
	}
	return math.Sqrt(squares / n)
}
