package ingest

import (
	"bytes"

	"github.com/gospool/spool/pipeline/media"
)

// Describe sets the parameter sets of a track, from its next unit on. It is for codecs without NAL units. After an
// error, which says why the sets are wrong, the track is unchanged.
func (t *Track) Describe(sets ...[]byte) error {
	d, err := describeFrames(&t.cfg, sets)
	if err != nil {
		return err
	}
	t.desc, t.fresh = d, d
	return nil
}

// SetTimescale changes the timescale of a track, as it becomes known with the first data. The caller calls it before the
// first unit, and before it describes the track.
func (t *Track) SetTimescale(timescale uint32) {
	for i := range t.points {
		t.points[i].ticks = media.Rescale(t.points[i].ticks, t.cfg.Timescale, timescale)
	}
	t.cfg.Timescale = timescale
	t.outliers.secondTicks, t.retime.secondTicks = int64(timescale), int64(timescale)
}

// acceptFrame takes over a unit of a codec without NAL units: one frame.
func (t *Track) acceptFrame(u *Unit) {
	if u.over != "" {
		t.leave(u)
		return
	}
	if len(u.ends) == 0 {
		t.leaveBroken(u)
		return
	}
	u.sync = t.syncFrame == nil || t.syncFrame(u.element(0))
	t.mark(u)
	if u.sync && t.fromFrame != nil {
		t.describeByFrame(u)
	}
	if !t.cfg.DeriveDTS || t.cfg.Codec.Kind() == media.Video {
		t.time(u)
		return
	}
	if t.undescribed(u) {
		return
	}
	t.byArrival(u)
	u.DTS = u.PTS
	t.ready(u)
}

// leaveBroken leaves out a frame of which a part is missing. The packets that were lost of it may count as a lost unit
// before the next already.
func (t *Track) leaveBroken(u *Unit) {
	t.Lost(media.DropDamaged, 1)
	u.Damaged = t.lostBefore == 0
	t.leave(u)
}

// describeByFrame makes a sync sample the description of the track, if it differs from the present one. A frame that
// cannot be read changes nothing.
func (t *Track) describeByFrame(u *Unit) {
	t.byFrame = media.Track{Codec: t.cfg.Codec, Timescale: t.cfg.Timescale}
	if t.fromFrame(u.element(0), &t.byFrame) != nil {
		t.Lost(media.DropUnreadableParameterSet, 1)
		return
	}
	if t.byFrame.Width == 0 {
		return // the frame has no description
	}
	if t.desc != nil && (t.desc.track.Equal(&t.byFrame) || !t.mayCut(u)) {
		return
	}
	d := &description{track: t.byFrame}
	for i, set := range d.track.ParameterSets {
		d.track.ParameterSets[i] = bytes.Clone(set)
	}
	d.setDepth()
	t.desc, t.fresh, t.describedNS = d, d, u.MonoNS
}
