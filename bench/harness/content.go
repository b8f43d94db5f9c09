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

// content is the media of a case: a clip of some seconds, in a loop, and its sound.
type content struct {
	clip   *clip.Clip
	mdat   []byte // of one lap of the clip with sound: the input of the bare write
	tracks []media.Track
	length time.Duration
	units  int
	bytes  int64
}

// lap is the length of the clip. It bounds the memory that the bare write and the muxer read from.
const lap = 10 * time.Second

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

// codedContent makes video that ffmpeg has coded. The built-in test pattern consists largely of filler, which ffmpeg
// parses: its cost would not be that of real video.
func codedContent(ctx context.Context, c Case) (*content, error) {
	k, err := clip.Make(ctx, os.TempDir(), clip.Spec{
		Size: "1280x720", FPS: c.FPS, Seconds: int(lap.Seconds()), GOP: c.pictures(), Bitrate: c.Bitrate,
	})
	if err != nil {
		return nil, err
	}
	return newContent(c, k)
}

// pictures returns the length of a GOP in pictures.
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
				k.bytes += 4 // its length
			}
		}
		return nil
	})
}

var silence = [][]byte{make([]byte, 128_000/8*clip.AudioStep/clip.AudioScale)}

// each calls give with the access units of the whole length by time, from time 0. They are valid for the call.
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

// epoch is the wall clock time of every recording's beginning, ns.
const epoch = 1_700_000_000_000_000_000
