package peers

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/gospool/spool/bench/clip"
)

// MP4FF writes a movie as fMP4 to a file in dir, with mp4ff: one fragment of both tracks a second.
func MP4FF(m *clip.Movie, dir string) error {
	f, err := os.Create(filepath.Join(dir, "mp4ff.mp4"))
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	init := mp4.CreateEmptyInit()
	video := init.AddEmptyTrack(clip.VideoScale, "video", "und")
	if err := video.SetAVCDescriptor("avc1", [][]byte{m.Clip.SPS}, [][]byte{m.Clip.PPS}, true); err != nil {
		return err
	}
	audio := init.AddEmptyTrack(clip.AudioScale, "audio", "und")
	if err := audio.SetAACDescriptor(aac.AAClc, clip.AudioScale); err != nil {
		return err
	}
	if err := init.Encode(out); err != nil {
		return err
	}
	sequence := uint32(0)
	err = seconds(m, func(frames []clip.Frame) error {
		sequence++
		return mp4ffFragment(m.Clip, out, sequence, frames)
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

func mp4ffFragment(c *clip.Clip, w io.Writer, sequence uint32, frames []clip.Frame) error {
	frag, err := mp4.CreateMultiTrackFragment(sequence, []uint32{1, 2})
	if err != nil {
		return err
	}
	for i := range frames {
		fr := &frames[i]
		data := fr.Data[0]
		if fr.Track == clip.VideoTrack {
			data = lengthPrefixed(fr.Data)
		}
		flags := mp4.NonSyncSampleFlags
		if fr.Sync {
			flags = mp4.SyncSampleFlags
		}
		s := mp4.FullSample{
			Sample:     mp4.NewSample(flags, duration(c, fr.Track), uint32(len(data)), 0),
			DecodeTime: uint64(fr.DTS),
			Data:       data,
		}
		if err := frag.AddFullSampleToTrack(s, uint32(fr.Track+1)); err != nil {
			return err
		}
	}
	return frag.Encode(w)
}

// lengthPrefixed returns the NAL units one after another, each behind its length in 4 bytes.
func lengthPrefixed(nals [][]byte) []byte {
	n := 0
	for _, nal := range nals {
		n += 4 + len(nal)
	}
	out := make([]byte, 0, n)
	for _, nal := range nals {
		out = binary.BigEndian.AppendUint32(out, uint32(len(nal)))
		out = append(out, nal...)
	}
	return out
}
