package rtsptest

import (
	"fmt"
	"time"
)

// Match describes the position of recorded access units in the sent loop.
type Match struct {
	From    int // first one, in the loop
	Count   int
	Missing []int         // left out between the first and the last one
	Worst   time.Duration // largest deviation from the sent time, measured from the first one
	Sent    time.Duration // from the first to the last one, as sent
	Lasts   time.Duration // the same, as recorded
}

// Match finds the access units of a recorded track in the loop, in order. A unit that was not sent is an error.
func (t *Track) Match(got *Track) (m Match, err error) {
	index := map[string]int{}
	for i := range t.Units {
		index[t.Units[i].Hash] = i
	}
	n, first := -1, int64(0)
	for i, g := range got.Units {
		at, known := index[g.Hash]
		if !known {
			return m, fmt.Errorf("%s access unit %d of the recording was not sent", t.Codec, i)
		}
		if i == 0 {
			n, m.From = at, at
			_, _, first = t.at(at)
			continue
		}
		for n++; n%len(t.Units) != at; n++ {
			m.Missing = append(m.Missing, n)
		}
		_, _, pts := t.at(n)
		m.Sent = ticks(pts-first, t.ClockHz)
		m.Lasts = ticks(g.PTS-got.Units[0].PTS, got.ClockHz)
		off := m.Sent - m.Lasts
		m.Worst = max(m.Worst, off, -off)
	}
	m.Count = len(got.Units)
	return m, nil
}

func ticks(n, clock int64) time.Duration {
	return time.Duration(n/clock)*time.Second + time.Duration(n%clock)*time.Second/time.Duration(clock)
}
