package peers

import (
	"os"
	"path/filepath"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/gospool/spool/bench/clip"
)

// Mediacommon writes a movie as fMP4 to a file in dir, with mediacommon and as MediaMTX does: for each second of
// media it marshals one part, a moof and its mdat, to memory, and writes the part to the file.
func Mediacommon(m *clip.Movie, dir string) error {
	f, err := os.Create(filepath.Join(dir, "mediacommon.mp4"))
	if err != nil {
		return err
	}
	defer f.Close()
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{
		{ID: 1, TimeScale: clip.VideoScale, Codec: &codecs.H264{SPS: m.Clip.SPS, PPS: m.Clip.PPS}},
		{ID: 2, TimeScale: clip.AudioScale, Codec: &codecs.MPEG4Audio{Config: mpeg4audio.AudioSpecificConfig{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: clip.AudioScale, ChannelConfig: 2, ChannelCount: 2,
		}}},
	}}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return err
	}
	if _, err := f.Write(buf.Bytes()); err != nil {
		return err
	}
	w := &mediacommonParts{clip: m.Clip, file: f}
	return seconds(m, w.part)
}

// mediacommonParts writes the media of one fMP4 file, second by second. A part of mediacommon is a moof and its
// mdat.
type mediacommonParts struct {
	clip     *clip.Clip
	file     *os.File
	sequence uint32
}

func (w *mediacommonParts) part(frames []clip.Frame) error {
	tracks := [2]*fmp4.PartTrack{}
	for i := range frames {
		fr := &frames[i]
		t := tracks[fr.Track]
		if t == nil {
			t = &fmp4.PartTrack{ID: fr.Track + 1, BaseTime: uint64(fr.DTS)}
			tracks[fr.Track] = t
		}
		s := &fmp4.Sample{Duration: duration(w.clip, fr.Track)}
		if fr.Track == clip.VideoTrack {
			if err := s.FillH264(0, fr.Data); err != nil {
				return err
			}
		} else {
			s.Payload = fr.Data[0]
		}
		t.Samples = append(t.Samples, s)
	}
	part := fmp4.Part{SequenceNumber: w.sequence, Tracks: tracks[:]}
	w.sequence++
	var buf seekablebuffer.Buffer
	if err := part.Marshal(&buf); err != nil {
		return err
	}
	_, err := w.file.Write(buf.Bytes())
	return err
}
