package hls

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/bits"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The bounds of a fragment.
const (
	maxInitBytes = 1 << 20
	maxMoofBytes = 4 << 20
	maxMdatBytes = media.MaxAccessUnitBytes
	maxUnits     = 1 << 15
	leastUnit    = 4  // bytes of the fragment for each access unit
	mostShared   = 4  // the access units have at most so many times the bytes of the fragment: they may share bytes
	maxTracks    = 16 // that can be recorded
	maxTraks     = 64
)

// fragments reads segments of movie fragments (ISO/IEC 14496-12, 8.8). It holds one fragment.
type fragments struct {
	to     sink
	log    *slog.Logger
	tracks *tracks
	byID   map[uint32]*fragmentTrack

	at       int64 // place in the resource
	moof     []byte
	moofAt   int64
	mdat     bytes.Buffer
	mdatAt   int64 // place of the first byte of mdat
	gathered []*unit
	bytes    int64  // of gathered
	leftOut  uint64 // moovs with tracks that are left out
}

// fragmentTrack is a track of the initialisation section.
type fragmentTrack struct {
	index      int
	defaults   isobmff.SampleDefaults
	shiftTicks int64 // by the edit list
	dtsTicks   int64 // end of the newest sample
}

var (
	errFragment = errors.New("a fragment is damaged")
	errShared   = fmt.Errorf("the access units of a fragment have more than %d times its bytes: it is damaged", mostShared)
)

// init takes an initialisation section.
func (f *fragments) init(b []byte) error {
	for boxes := isobmff.Walk(b); boxes.Next(); {
		if boxes.Is("moov") {
			return f.moov(boxes.Payload)
		}
	}
	return refusal{errors.New("the initialisation section has no moov")}
}

func (f *fragments) moov(moov []byte) error {
	mvhd, ok := isobmff.ReadMvhd(isobmff.Find(moov, "mvhd"))
	if !ok || mvhd.Timescale == 0 {
		return refusal{errors.New("the moov has no timescale")}
	}
	set, byID := &tracks{}, map[uint32]*fragmentTrack{}
	var leftOut []string
	var unread error
	traks := 0
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if !boxes.Is("trak") {
			continue
		}
		if traks++; traks > maxTraks {
			return refusal{fmt.Errorf("its moov has more than %d tracks", maxTraks)}
		}
		t, err := codec.ReadTrak(boxes.Payload, mvhd.Timescale)
		if err != nil {
			unread = cmp.Or(unread, err)
			leftOut = append(leftOut, err.Error())
			continue
		}
		if len(set.list) == maxTracks {
			return refusal{fmt.Errorf("it has more than %d tracks", maxTracks)}
		}
		byID[t.ID] = &fragmentTrack{index: len(set.list), shiftTicks: t.ShiftTicks}
		set.list = append(set.list, t.Track)
	}
	for boxes := isobmff.Walk(isobmff.Find(moov, "mvex")); boxes.Next(); {
		if boxes.Is("trex") {
			trex, _ := isobmff.ReadTrex(boxes.Payload)
			if t := byID[trex.TrackID]; t != nil {
				t.defaults = trex.SampleDefaults
			}
		}
	}
	if len(set.list) == 0 {
		return refusal{cmp.Or(unread, errors.New("the initialisation section has no track that can be recorded"))}
	}
	if len(leftOut) > 0 {
		if f.leftOut++; bits.OnesCount64(f.leftOut) == 1 { // each segment may have a moov
			f.log.Warn("tracks are left out", "tracks", len(leftOut), "reason_of_the_first", unread, "times_so_far", f.leftOut)
		}
		f.to.LeaveOut(leftOut)
	}
	for i := range set.list {
		for k, p := range set.list[i].ParameterSets {
			set.list[i].ParameterSets[k] = slices.Clone(p) // they are slices of moov
		}
	}
	f.byID = byID
	if f.tracks == nil || !slices.EqualFunc(f.tracks.list, set.list, func(a, b media.Track) bool { return a.Equal(&b) }) {
		f.tracks = set
	}
	return nil
}

func (f *fragments) begin(p *piece, _ bool) error {
	f.at, f.moof = p.of.Offset, nil
	return nil
}

func (f *fragments) flush(bool) {}
func (f *fragments) close()     {}

// read reads a box.
func (f *fragments) read(r *bufio.Reader) error {
	head, err := r.Peek(16)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			f.unpaired()
		}
		return err
	}
	h, ok := isobmff.ParseHeader(head)
	if !ok || h.SizeBytes == 0 && !h.Is("mdat") {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return errFragment
	}
	if _, err := r.Discard(int(h.HeaderBytes)); err != nil {
		return err
	}
	at, left := f.at, h.SizeBytes-h.HeaderBytes
	f.at += h.SizeBytes
	switch {
	case h.Is("moov"), h.Is("moof"):
		limit := int64(maxMoofBytes)
		if h.Is("moov") {
			limit = maxInitBytes
		}
		b, err := readBox(r, h, left, limit)
		if err != nil {
			return err
		}
		if h.Is("moov") {
			return f.moov(b)
		}
		f.unpaired()
		f.moof, f.moofAt = b, at
		return nil
	case h.Is("mdat") && f.moof != nil:
		f.mdatAt = at + h.HeaderBytes
		f.mdat.Reset()
		if left > maxMdatBytes {
			return fmt.Errorf("a fragment has %d bytes of media, and %d are the most that is read", left, maxMdatBytes)
		}
		if h.SizeBytes == 0 { // to the end
			left = maxMdatBytes
		}
		_, err := io.CopyN(&f.mdat, r, left)
		if err != nil && (h.SizeBytes != 0 || !errors.Is(err, io.EOF)) {
			return notEOF(err)
		}
		return f.fragment()
	}
	if h.Is("mdat") && left > 0 {
		f.to.Lost(media.DropHLSLoss, 1)
	}
	_, err = io.CopyN(io.Discard, r, max(left, 0))
	return notEOF(err)
}

// unpaired counts a moof without an mdat.
func (f *fragments) unpaired() {
	if f.moof != nil {
		f.moof = nil
		f.to.Lost(media.DropHLSLoss, 1)
	}
}

// notEOF returns the error of a box that ends too early.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readBox reads the payload of a box.
func readBox(r io.Reader, h isobmff.Header, left, limit int64) ([]byte, error) {
	if left > limit {
		return nil, fmt.Errorf("box %q has %d bytes, and %d are the most that is read", h.Type, left, limit)
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, left)
	return b.Bytes(), notEOF(err)
}

// fragment passes on the access units of the fragment.
func (f *fragments) fragment() error {
	moof := f.moof
	f.moof, f.gathered, f.bytes = nil, f.gathered[:0], 0
	if f.tracks == nil {
		return refusal{errors.New("the playlist has no initialisation section: EXT-X-MAP")}
	}
	end := f.moofAt
	for boxes := isobmff.Walk(moof); boxes.Next(); {
		if !boxes.Is("traf") {
			continue
		}
		var err error
		if end, err = f.traf(boxes.Payload, end); err != nil {
			return err
		}
	}
	slices.SortStableFunc(f.gathered, func(a, b *unit) int { return cmp.Compare(a.ns(), b.ns()) })
	for _, u := range f.gathered {
		f.to.push(u)
	}
	return nil
}

// traf gathers the access units of a track. before is the place after the track before.
func (f *fragments) traf(traf []byte, before int64) (end int64, err error) {
	h, whole := isobmff.ReadTfhd(isobmff.Find(traf, "tfhd"))
	t := f.byID[h.TrackID]
	base := before
	if h.Flags&isobmff.TfhdBaseIsMoof != 0 || before == f.moofAt {
		base = f.moofAt
	}
	if h.Flags&isobmff.TfhdBaseDataOffset != 0 {
		base = h.BaseDataOffset
	}
	if t == nil { // a track that is left out
		return before, nil
	}
	if !whole || base < 0 || base > math.MaxInt64/4 {
		return 0, errFragment
	}
	if tfdt := isobmff.Find(traf, "tfdt"); tfdt != nil {
		ticks, _, _ := isobmff.ReadTfdt(tfdt)
		if ticks > maxTicks {
			return 0, errFragment
		}
		t.dtsTicks = int64(ticks)
	}
	defaults, data := h.Over(t.defaults), base
	for boxes := isobmff.Walk(traf); boxes.Next(); {
		if !boxes.Is("trun") {
			continue
		}
		if data, err = f.run(t, boxes.Payload, &defaults, base, data); err != nil {
			return 0, err
		}
	}
	return data, nil
}

// maxTicks bounds times, so that sums of them do not overflow.
const maxTicks = 1 << 60

// run gathers the access units of a trun, whose bytes begin at the place data, and returns the place after them.
func (f *fragments) run(t *fragmentTrack, trun []byte, defaults *isobmff.SampleDefaults, base, data int64) (int64, error) {
	run, whole := isobmff.ReadTrun(trun)
	if run.Flags&isobmff.TrunDataOffset != 0 {
		data = base + int64(run.DataOffset)
	}
	if !whole || !run.Whole() || len(f.gathered)+run.Len() > min(maxUnits, f.mdat.Len()/leastUnit+1) {
		return 0, errFragment
	}
	always := f.tracks.list[t.index].Codec.AlwaysSync()
	for i := range run.Len() {
		s := run.Sample(i, defaults)
		from := data - f.mdatAt
		data += int64(s.SizeBytes)
		if from < 0 || from+int64(s.SizeBytes) > int64(f.mdat.Len()) || t.dtsTicks > maxTicks {
			return 0, errFragment
		}
		if f.bytes += int64(s.SizeBytes); f.bytes > mostShared*int64(f.mdat.Len()) {
			return 0, errShared
		}
		if s.SizeBytes > 0 {
			u := f.to.unit()
			u.of, u.track, u.dts, u.durationTicks = f.tracks, t.index, t.dtsTicks+t.shiftTicks, int64(s.DurationTicks)
			u.pts, u.sync, u.framed = u.dts+int64(s.OffsetTicks), always || s.Sync(), true
			u.data = append(u.data, f.mdat.Bytes()[from:from+int64(s.SizeBytes)])
			f.gathered = append(f.gathered, u)
		}
		t.dtsTicks += int64(s.DurationTicks)
	}
	return data, nil
}
