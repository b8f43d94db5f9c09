package rtsptest

import (
	"fmt"
	"time"
)

// Match describes where the access units of a recorded track are in the sent loop. Positions count access units from
// the start of the loop.
type Match struct {
	From    int           // position of the first recorded access unit
	Count   int           // number of recorded access units
	Missing []int         // positions between the first and the last that are not recorded
	Worst   time.Duration // largest difference between sent and recorded PTS, each measured from the first access unit
	Sent    time.Duration // time from the first to the last access unit, as sent
	Lasts   time.Duration // the same time, as recorded
}

// Match finds, for each access unit of the recorded track got, its position in the endless loop of t. It returns an
// error if t does not contain one of the access units.
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
