package peers

import (
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/yardstick"
	"github.com/gospool/spool/pipeline/media"
)

// mediacommon muxes with mediacommon, as MediaMTX does: it marshals each part, a moof and its mdat, to memory, and
// writes the part to the file. With Use.Kept it keeps all memory that a caller of the library can keep.
type mediacommon struct {
	use     Use
	part    part
	samples [2][]fmp4.Sample
	tracks  [2]fmp4.PartTrack
	marshal fmp4.Part
	buf     seekablebuffer.Buffer
}

func (p *mediacommon) Run(m *movie.Movie, dir string) error {
	f, err := create(dir, p.use)
	if err != nil {
		return err
	}
	return errors.Join(p.write(m, f), f.Close())
}

func (p *mediacommon) write(m *movie.Movie, f *yardstick.File) error {
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{
		{ID: 1, TimeScale: movie.VideoScale, Codec: &codecs.H264{SPS: m.Clip.SPS, PPS: m.Clip.PPS}},
		{ID: 2, TimeScale: movie.AudioScale, Codec: &codecs.MPEG4Audio{Config: mpeg4audio.AudioSpecificConfig{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: movie.AudioScale, ChannelConfig: 2, ChannelCount: 2,
		}}},
	}}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return err
	}
	if _, err := f.Write(buf.Bytes()); err != nil {
		return err
	}
	p.marshal.SequenceNumber = 0
	if p.use.Kept {
		p.part.clear()
		return seconds(m, func(track int, au *media.AU) error { p.part.add(track, au); return nil }, func() error { return p.keptPart(m, f) })
	}
	var part fmp4.Part
	return seconds(m, func(track int, au *media.AU) error { return appendTo(&part, m, track, au) }, func() error {
		var buf seekablebuffer.Buffer
		if err := part.Marshal(&buf); err != nil {
			return err
		}
		part = fmp4.Part{SequenceNumber: part.SequenceNumber + 1}
		_, err := f.Write(buf.Bytes())
		return err
	})
}

// appendTo appends an access unit to a part in memory of its own, as the library's users do.
func appendTo(part *fmp4.Part, m *movie.Movie, track int, au *media.AU) error {
	if part.Tracks == nil {
		part.Tracks = []*fmp4.PartTrack{{ID: 1}, {ID: 2}}
	}
	t := part.Tracks[track]
	if len(t.Samples) == 0 {
		t.BaseTime = uint64(au.DTS)
	}
	s := &fmp4.Sample{Duration: duration(m, track)}
	if track == movie.VideoTrack {
		if err := s.FillH264(0, au.Payload); err != nil {
			return err
		}
	} else {
		s.Payload = append([]byte(nil), au.Payload[0]...)
	}
	t.Samples = append(t.Samples, s)
	return nil
}

// keptPart marshals p.part from and to kept memory, writes it, and clears it.
func (p *mediacommon) keptPart(m *movie.Movie, f *yardstick.File) error {
	p.marshal.Tracks = p.marshal.Tracks[:0]
	for i := range p.part.tracks {
		from, t := &p.part.tracks[i], &p.tracks[i]
		t.ID, t.BaseTime, t.Samples = i+1, uint64(from.dts), t.Samples[:0]
		p.samples[i] = p.samples[i][:0]
		data := from.data
		for _, s := range from.samples {
			p.samples[i] = append(p.samples[i], fmp4.Sample{
				Duration: duration(m, i), Payload: data[:s.sizeBytes], IsNonSyncSample: !s.sync,
			})
			data = data[s.sizeBytes:]
		}
		for k := range p.samples[i] {
			t.Samples = append(t.Samples, &p.samples[i][k])
		}
		p.marshal.Tracks = append(p.marshal.Tracks, t)
	}
	p.buf.Reset()
	if err := p.marshal.Marshal(&p.buf); err != nil {
		return err
	}
	p.marshal.SequenceNumber++
	p.part.clear()
	_, err := f.Write(p.buf.Bytes())
	return err
}
