package peers

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/bench/yardstick"
	"github.com/gospool/spool/pipeline/media"
)

// mp4ff muxes with mp4ff: one fragment of both tracks a second. With Use.Kept the boxes of the fragment and all buffers
// are kept, the samples are in one run for each track, and a fragment is one write.
type mp4ff struct {
	use      Use
	part     part
	fragment *mp4.Fragment
}

func (p *mp4ff) Run(m *movie.Movie, dir string) error {
	f, err := create(dir, p.use)
	if err != nil {
		return err
	}
	return errors.Join(p.write(m, f), f.Close())
}

func (p *mp4ff) write(m *movie.Movie, f *yardstick.File) error {
	if p.use.Kept {
		if err := writeInit(m, f); err != nil {
			return err
		}
		if err := p.prepare(); err != nil {
			return err
		}
		return seconds(m, func(track int, au *media.AU) error { p.part.add(track, au); return nil }, func() error { return p.keptFragment(m, f) })
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if err := writeInit(m, out); err != nil {
		return err
	}
	var frag *mp4.Fragment
	sequence := uint32(0)
	err := seconds(m, func(track int, au *media.AU) (err error) {
		if frag == nil {
			sequence++
			if frag, err = mp4.CreateMultiTrackFragment(sequence, []uint32{1, 2}); err != nil {
				return err
			}
		}
		data := au.Payload[0]
		if track == movie.VideoTrack {
			data = lengthPrefixed(au.Payload)
		}
		return frag.AddFullSampleToTrack(mp4.FullSample{
			Sample:     mp4.NewSample(flags(au.Sync), duration(m, track), uint32(len(data)), 0),
			DecodeTime: uint64(au.DTS),
			Data:       data, // which the fragment copies
		}, uint32(track+1))
	}, func() error {
		err := frag.Encode(out)
		frag = nil
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// prepare makes the boxes that all fragments share, unless an earlier file has made them.
func (p *mp4ff) prepare() (err error) {
	p.part.headersBytes = headersBytes
	p.part.clear()
	if p.fragment != nil {
		p.fragment.Moof.Mfhd.SequenceNumber = 0
		return nil
	}
	if p.fragment, err = mp4.CreateMultiTrackFragment(0, []uint32{1, 2}); err != nil {
		return err
	}
	for i, traf := range p.fragment.Moof.Trafs {
		if err := traf.AddChild(mp4.CreateTrun(uint32(i + 1))); err != nil {
			return err
		}
	}
	return nil
}

// headersBytes is more than a moof of a second and the header of its mdat take.
const headersBytes = 16 << 10

// keptFragment encodes p.part, writes it in one piece, and clears it.
func (p *mp4ff) keptFragment(m *movie.Movie, f *yardstick.File) error {
	frag := p.fragment
	frag.Moof.Mfhd.SequenceNumber++
	for i := range p.part.tracks {
		from, traf := &p.part.tracks[i], frag.Moof.Trafs[i]
		traf.Tfdt.SetBaseMediaDecodeTime(uint64(from.dts))
		samples := traf.Trun.Samples[:0]
		for _, s := range from.samples {
			samples = append(samples, mp4.NewSample(flags(s.sync), duration(m, i), uint32(s.sizeBytes), 0))
		}
		traf.Trun.Samples = samples
	}
	pictures := &p.part.tracks[movie.VideoTrack]
	pictures.data = append(pictures.data, p.part.tracks[movie.AudioTrack].data...)
	frag.Mdat.SetLazyDataSize(uint64(len(pictures.data) - headersBytes))
	from := headersBytes - int(frag.Moof.Size()+frag.Mdat.HeaderSize())
	if err := frag.EncodeSW(bits.NewFixedSliceWriterFromSlice(pictures.data[from:headersBytes])); err != nil {
		return err
	}
	_, err := f.Write(pictures.data[from:])
	p.part.clear()
	return err
}

func writeInit(m *movie.Movie, w io.Writer) error {
	init := mp4.CreateEmptyInit()
	video := init.AddEmptyTrack(movie.VideoScale, "video", "und")
	if err := video.SetAVCDescriptor("avc1", [][]byte{m.Clip.SPS}, [][]byte{m.Clip.PPS}, true); err != nil {
		return err
	}
	audio := init.AddEmptyTrack(movie.AudioScale, "audio", "und")
	if err := audio.SetAACDescriptor(aac.AAClc, movie.AudioScale); err != nil {
		return err
	}
	return init.Encode(w)
}

func flags(sync bool) uint32 {
	if sync {
		return mp4.SyncSampleFlags
	}
	return mp4.NonSyncSampleFlags
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
