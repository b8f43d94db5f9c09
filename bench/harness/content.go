package harness

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// content is the media of a case: a clip of some seconds that is repeated up to the length, with sound.
type content struct {
	clip   *clip.Clip
	mdat   []byte // bytes of the clip with sound, as in an mdat: the input of the bare write
	tracks []media.Track
	length time.Duration // length of the whole content
	units  int           // access units of the whole content
	bytes  int64         // bytes of the whole content, as in an mdat
}

// lap is the greatest length of the clip that a content repeats. It limits the memory from which the bare write
// (writeBare) and the muxer read.
const lap = 10 * time.Second

// makeContent makes content of the built-in test pattern.
func makeContent(c Case) (*content, error) {
	o := testpattern.Default()
	o.Width, o.Height, o.FPS, o.Bitrate, o.Channels = 1280, 720, testpattern.Rate{Num: c.FPS, Den: 1}, c.Bitrate, 0
	o.GOP = c.pictures()
	o.Duration = max(min(lap, c.Length).Truncate(c.GOP), c.GOP)
	g, err := testpattern.New(o)
	if err != nil {
		return nil, err
	}
	sets := g.Tracks()[testpattern.VideoTrack].ParameterSets
	k := &clip.Clip{FPS: c.FPS, SPS: sets[0], PPS: sets[1]}
	for _, au := g.Next(); au != nil; _, au = g.Next() {
		u := clip.Unit{IDR: au.Sync}
		for _, nal := range au.Payload {
			u.NALs = append(u.NALs, slices.Clone(nal))
		}
		k.Units = append(k.Units, u)
	}
	return newContent(c, k)
}

// codedContent makes content with video that ffmpeg codes. A remux needs it, because ffmpeg parses the video: the
// built-in test pattern consists largely of filler, whose cost would not be that of real video.
func codedContent(ctx context.Context, c Case) (*content, error) {
	k, err := clip.Make(ctx, os.TempDir(), clip.Spec{
		Size: "1280x720", FPS: c.FPS, Seconds: int(lap.Seconds()), GOP: c.pictures(), Bitrate: c.Bitrate,
	})
	if err != nil {
		return nil, err
	}
	return newContent(c, k)
}

// pictures returns the number of pictures in a GOP.
func (c Case) pictures() int { return max(int(c.GOP*time.Duration(c.FPS)/time.Second), 1) }

func newContent(c Case, pictures *clip.Clip) (*content, error) {
	k := &content{clip: pictures, length: c.Length.Truncate(time.Second)}
	k.tracks = []media.Track{{
		Codec: codec.H264, Timescale: clip.VideoScale, ParameterSets: [][]byte{pictures.SPS, pictures.PPS}, Width: 1280, Height: 720,
	}, {
		Codec: codec.AAC, Timescale: clip.AudioScale, ParameterSets: [][]byte{clip.AudioConfig},
		SampleRate: clip.AudioScale, Channels: 2, FrameDurationTicks: clip.AudioStep,
	}}
	if c.Codec == "h265" {
		asHEVC(pictures, &k.tracks[0])
	}
	k.mdat = clip.NewMovie(k.clip, max(len(k.clip.Units)/c.FPS, 1)).Mdat()
	return k, k.each(func(track int, au *media.AU) error {
		k.units++
		for _, p := range au.Payload {
			k.bytes += int64(len(p))
			if track == 0 {
				k.bytes += 4 // the length before each NAL unit
			}
		}
		return nil
	})
}

var silence = [][]byte{make([]byte, 128_000/8*clip.AudioStep/clip.AudioScale)}

// each calls give with each access unit of the whole content, in the order of time. Video has track 0, sound track 1.
// Times begin at 0. The access unit is valid during the call only.
func (k *content) each(give func(track int, au *media.AU) error) error {
	var au media.AU
	fps := int64(k.clip.FPS)
	sound := int64(0)
	for n := range int64(k.length/time.Second) * fps {
		unit := &k.clip.Units[n%int64(len(k.clip.Units))]
		at := n * clip.VideoScale / fps
		au = media.AU{DTS: at, PTS: at, MonoNS: media.ToNanos(at, clip.VideoScale), Sync: unit.IDR, Payload: unit.NALs}
		au.UTC = epoch + au.MonoNS
		if err := give(0, &au); err != nil {
			return err
		}
		for ; sound*fps < (n+1)*clip.AudioScale; sound += clip.AudioStep {
			au = media.AU{DTS: sound, PTS: sound, MonoNS: media.ToNanos(sound, clip.AudioScale), Sync: true, Payload: silence}
			au.UTC = epoch + au.MonoNS
			if err := give(1, &au); err != nil {
				return err
			}
		}
	}
	return nil
}

// epoch is the UTC at which the content begins, in ns.
const epoch = 1_700_000_000_000_000_000
