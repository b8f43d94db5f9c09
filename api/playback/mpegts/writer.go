package mpegts

import (
	"context"
	"fmt"
	"io"

	"github.com/asticode/go-astits"

	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/media"
)

// Times of a stream, ticks of 90 kHz.
const (
	clock     = 90000
	beginAt   = 1 * clock       // decode time of the first access unit
	pcrDelay  = clock / 2       // from the arrival of an access unit to its decode time
	pcrPeriod = clock * 8 / 100 // the standard allows 100 ms (ISO/IEC 13818-1, 2.7.2)
	leap      = 1 * clock       // a step of time that is a discontinuity
	tableTime = clock / 2       // between tables in a stream without pictures
	mask      = 1<<33 - 1
)

// firstPID is the packet identifier of the first track.
const firstPID = 0x100

// writer writes one stream.
type writer struct {
	tracks  []written
	mux     *astits.Muxer
	packets *packets

	begun     bool
	zero      int64 // time in the stream of time 0 of the movie
	least     int64 // least composition offset of all tracks, at most 0
	pcr       int64 // the last one
	tablesAt  int64 // time of the last access unit that forced tables, in a stream without pictures
	pcrTrack  int
	in, units []byte // memory of a sample and of its PES packet
}

// written is a track of the stream.
type written struct {
	track
	pid   uint16
	form  *form  // the present one; nil: the stream does not have the track
	entry uint32 // of the last sample; 0: none
	least int64  // ticks of the track by which decode times are earlier than in the movie, at most 0
}

func newWriter(tracks []track, out io.Writer) (*writer, error) {
	w := &writer{pcrTrack: -1}
	for i := range tracks {
		t := written{track: tracks[i], pid: firstPID + uint16(i), form: tracks[i].carried(), least: min(tracks[i].LeastOffsetTicks, 0)}
		w.least = min(w.least, at90k(t.least, t.Timescale))
		w.tracks = append(w.tracks, t)
		if t.form != nil && (w.pcrTrack < 0 || t.Kind == media.Video && w.tracks[w.pcrTrack].Kind != media.Video) {
			w.pcrTrack = i
		}
	}
	w.packets = &packets{out: out, numbers: map[uint16]byte{}}
	w.mux = astits.NewMuxer(context.Background(), w.packets, astits.WithTransportStreamID(1))
	w.mux.SetPCRPID(w.tracks[w.pcrTrack].pid)
	for i := range w.tracks {
		if t := &w.tracks[i]; t.form != nil {
			if err := w.mux.AddElementaryStream(t.elementary()); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// elementary describes a track for the PMT.
func (t *written) elementary() astits.PMTElementaryStream {
	es := astits.PMTElementaryStream{ElementaryPID: t.pid, StreamType: t.form.stream, ElementaryStreamDescriptors: t.form.descriptors}
	if len(t.Language) == 3 && t.Language != "und" {
		es.ElementaryStreamDescriptors = append(es.ElementaryStreamDescriptors[:len(es.ElementaryStreamDescriptors):len(es.ElementaryStreamDescriptors)], &astits.Descriptor{
			Tag: astits.DescriptorTagISO639LanguageAndAudioType, Length: 4,
			ISO639LanguageAndAudioType: &astits.DescriptorISO639LanguageAndAudioType{Language: []byte(t.Language)},
		})
	}
	return es
}

// add writes the PES packet of a sample: see movie.Walk.
func (w *writer) add(s *movie.Sample, file io.ReaderAt) error {
	if s == nil {
		return nil
	}
	t := &w.tracks[s.Track]
	form := t.forms[s.Entry-1]
	if form == nil {
		return nil
	}
	if err := w.read(s, t, form, file); err != nil {
		return err
	}
	if !w.begun {
		w.begun = true
		w.zero = beginAt - w.least - at90k(s.DTS, t.Timescale)
		w.pcr = beginAt - pcrDelay - pcrPeriod
	}
	changed, err := w.describe(t, form, s.Entry)
	if err != nil {
		return err
	}
	arrives := w.zero + at90k(s.DTS, t.Timescale) + w.least - pcrDelay
	leapt := arrives-w.pcr > leap
	if err := w.fill(arrives, leapt); err != nil {
		return err
	}
	field := &astits.PacketAdaptationField{DiscontinuityIndicator: changed, RandomAccessIndicator: s.Sync}
	if s.Track == w.pcrTrack {
		w.lead(field, t, arrives)
	}
	if !field.DiscontinuityIndicator && !field.RandomAccessIndicator && !field.HasPCR {
		field = nil
	}
	_, err = w.mux.WriteData(&astits.MuxerData{PID: t.pid, AdaptationField: field, PES: &astits.PESData{Header: w.header(s, t), Data: w.units}})
	return err
}

// read reads a sample and makes the bytes of its PES packet.
func (w *writer) read(s *movie.Sample, t *written, form *form, file io.ReaderAt) error {
	if s.SizeBytes > media.MaxAccessUnitBytes {
		return fmt.Errorf("a sample of %s has %d bytes, and %d are the most that is read", t.Kind, s.SizeBytes, int64(media.MaxAccessUnitBytes))
	}
	if cap(w.in) < int(s.SizeBytes) {
		w.in = make([]byte, s.SizeBytes)
	}
	w.in = w.in[:s.SizeBytes]
	if n, err := file.ReadAt(w.in, s.At); n < len(w.in) {
		return err
	}
	var err error
	if w.units, err = form.append(w.units[:0], w.in, s.Sync); err != nil {
		return fmt.Errorf("sample at byte %d of its file: %w", s.At, err)
	}
	return nil
}

// describe notes the description of a track's next sample. It reports whether it is another one than before.
func (w *writer) describe(t *written, form *form, entry uint32) (changed bool, err error) {
	changed = t.entry != 0 && t.entry != entry
	t.entry = entry
	if form == t.form {
		return changed, nil
	}
	before := t.form
	t.form = form
	if before.stream == form.stream && len(form.descriptors) == 0 {
		return changed, nil
	}
	if err := w.mux.RemoveElementaryStream(t.pid); err != nil {
		return changed, err
	}
	if err := w.mux.AddElementaryStream(t.elementary()); err != nil {
		return changed, err
	}
	_, err = w.mux.WriteTables()
	return changed, err
}

// fill writes packets with a PCR up to a time, so that none follows the one before by more than pcrPeriod. After a leap of time
// it writes one, which begins the new time.
func (w *writer) fill(arrives int64, leapt bool) error {
	if leapt {
		return w.clock(arrives, true)
	}
	for arrives-w.pcr > pcrPeriod {
		if err := w.clock(w.pcr+pcrPeriod, false); err != nil {
			return err
		}
	}
	return nil
}

// clock writes a packet that has a PCR only.
func (w *writer) clock(pcr int64, leapt bool) error {
	w.pcr = pcr
	const stuffing = astits.MpegTsPacketSize - 4 - 2 - 6
	_, err := w.mux.WritePacket(&astits.Packet{
		Header: astits.PacketHeader{PID: w.tracks[w.pcrTrack].pid, HasAdaptationField: true},
		AdaptationField: &astits.PacketAdaptationField{
			HasPCR: true, PCR: &astits.ClockReference{Base: pcr & mask}, DiscontinuityIndicator: leapt, StuffingLength: stuffing,
		},
	})
	return err
}

// lead sets the fields of the track that has the PCR. The library writes tables before each of its packets with random_access_indicator, so not
// every unit of sound has that.
func (w *writer) lead(field *astits.PacketAdaptationField, t *written, arrives int64) {
	if arrives > w.pcr {
		field.HasPCR, field.PCR = true, &astits.ClockReference{Base: arrives & mask}
		w.pcr = arrives
	}
	if t.Kind != media.Video && field.RandomAccessIndicator {
		if field.RandomAccessIndicator = w.tablesAt == 0 || arrives-w.tablesAt >= tableTime; field.RandomAccessIndicator {
			w.tablesAt = arrives
		}
	}
}

// The stream_ids of PES packets (ISO/IEC 13818-1, table 2-22).
const (
	videoID   = 0xe0
	audioID   = 0xc0
	privateID = 0xbd // private_stream_1
)

// header returns the header of a sample's PES packet.
func (w *writer) header(s *movie.Sample, t *written) *astits.PESHeader {
	h := &astits.PESOptionalHeader{MarkerBits: 2, DataAlignmentIndicator: true, PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS}
	pts, dts := w.zero+at90k(s.PTS, t.Timescale), w.zero+at90k(s.DTS+t.least, t.Timescale)
	h.PTS = &astits.ClockReference{Base: pts & mask}
	if dts != pts {
		h.PTSDTSIndicator, h.DTS = astits.PTSDTSIndicatorBothPresent, &astits.ClockReference{Base: dts & mask}
	}
	id := uint8(audioID)
	switch {
	case t.Kind == media.Video:
		id = videoID
	case t.form.stream != astits.StreamTypeAACAudio && t.form.stream != astits.StreamTypeMPEG1Audio && t.form.stream != astits.StreamTypeMPEG2Audio:
		id = privateID
	}
	return &astits.PESHeader{StreamID: id, OptionalHeader: h}
}
