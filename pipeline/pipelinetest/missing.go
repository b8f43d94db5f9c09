package pipelinetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// missing sums the media that a stream of elements reports as missing: the durations of its gaps, and the lost
// access units of the gaps inside chunks and files.
type missing struct {
	beforeNS int64 // gaps before chunks and files
	withinNS int64 // gaps inside chunks and files
	units    int
}

// see adds the gaps of an element to the sums. It ignores a recording that is not finished, because the same
// recording follows with its gaps.
func (m *missing) see(el any) {
	switch e := el.(type) {
	case *media.Chunk:
		if e.Mark != nil {
			m.beforeNS += e.Mark.Gap.DurationNS
			return
		}
		m.beforeNS += e.Gap.DurationNS
		m.within(e.Gaps)
	case media.Part:
		if e.First {
			m.beforeNS += e.Segment.Gap.DurationNS
		}
		if e.Chunk != nil && e.Chunk.Mark == nil {
			m.within(e.Chunk.Gaps)
		}
	case media.Recording:
		if e.State == media.StateFinished {
			m.beforeNS += e.Gap.DurationNS
			m.within(e.Gaps)
		}
	}
}

func (m *missing) within(list []media.Gap) {
	for _, g := range list {
		m.withinNS += g.Missing()
		m.units += g.AccessUnits
	}
}

// missing tests a stage with media that has gaps before and inside its chunks: the sink must get all gaps. A
// stage that drops a chunk passes the chunk's gaps on with other chunks. The first chunks have no gaps, because
// a stage may drop media at its begin.
func (c *contract) missing(t *testing.T) {
	if c.info.In == nil || c.info.Out == nil {
		return // it has no input or no output
	}
	s := &Script{Count: 2 * lossesFrom, Missing: true}
	require.NoError(t, await(t, c.start(t, s)))
	require.Positive(t, s.given.withinNS)
	require.Positive(t, s.given.beforeNS)
	require.Equal(t, s.given, s.told)
}

// lossesFrom is the number of the first chunk, counted from 0, that has a gap in contract.missing.
const lossesFrom = 10

// lose puts a gap before the camera's next key frame if Script.Missing is set. given is the number of chunks emitted
// so far: no gap comes before the first lossesFrom chunks. lose makes a GOP two chunks long, so that a stage which
// passes only key frames drops a chunk of each.
func (s *Script) lose(cam *Camera, given int) {
	if !s.Missing {
		return
	}
	if cam.GOP = 50; given >= lossesFrom && given%4 == 0 {
		gap := media.Gap{Cause: media.GapStall, DurationNS: int64(3 * time.Second)}
		cam.Gap(gap)
	}
}

// loseWithin puts a gap inside the chunk c if Script.Missing is set, and adds all gaps of c to Script.given. given
// is the number of chunks emitted before c: the first lossesFrom chunks get no gap.
func (s *Script) loseWithin(c *media.Chunk, given int) {
	if !s.Missing {
		return
	}
	if given >= lossesFrom {
		c.Gaps = append(c.Gaps, lost(c.UTC+int64(400*time.Millisecond)))
	}
	s.given.see(c)
}

func lost(utc int64) media.Gap {
	return media.Gap{Cause: media.GapRTPLoss, StartUTC: utc, DurationNS: int64(40 * time.Millisecond), Track: 1, AccessUnits: 1, Places: 1}
}
