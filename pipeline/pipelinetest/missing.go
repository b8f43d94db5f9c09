package pipelinetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// missing sums the gaps of elements.
type missing struct {
	beforeNS int64 // before chunks and files
	withinNS int64 // inside chunks and files
	units    int
}

// see adds the gaps of an element.
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

// missing drains media with gaps inside and before it: the sink must get all of them, with other
// chunks if the stage drops theirs. Media that a stage drops at its begin does not count.
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

// lossesFrom is the first chunk of a script with a gap.
const lossesFrom = 10

// lose puts a gap before the camera's next key frame, now and then. A GOP is two chunks, and a
// stage that passes only key frames drops one.
func (s *Script) lose(cam *Camera, given int) {
	if !s.Missing {
		return
	}
	if cam.GOP = 50; given >= lossesFrom && given%4 == 0 {
		gap := media.Gap{Cause: media.GapStall, DurationNS: int64(3 * time.Second)}
		cam.Gap(gap)
	}
}

// loseWithin puts a gap inside a chunk.
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
