package testpattern

import (
	"bytes"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/testpattern/aac"
	"github.com/gospool/spool/stages/ingest/testpattern/h264"
)

// The index of each track of a stream, as Next returns it.
const (
	VideoTrack = 0
	AudioTrack = 1
)

const videoTimescale = 90_000

// Generator makes the access units of a stream, as fast as the caller takes them. Its output depends only on its
// Options.
//
// A generator belongs to one goroutine. It allocates no memory once its buffers are large enough.
type Generator struct {
	o      Options
	scene  *scene
	video  *h264.Encoder
	sound  *sound // nil without sound
	tracks []media.Track

	frame, lastFrame int64 // number of the next video frame, and of the frame after the last one
	audio            int64 // number of the next audio frame, whose first sample is number 1024*audio
	sentBytes        int64 // bytes of video so far
	au               media.AU
	payload          [2][]byte
}

// New returns a generator. An error names each option that is out of its range.
func New(o Options) (*Generator, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("testpattern: %w", err)
	}
	g := &Generator{o: o, scene: newScene(o), frame: int64(o.Start), lastFrame: 1<<63 - 1}
	var err error
	g.video, err = h264.NewEncoder(o.h264(), g.scene.m)
	if err != nil {
		return nil, fmt.Errorf("testpattern: %w", err)
	}
	if o.Duration > 0 {
		frames := media.Rescale(int64(o.Duration), uint32(o.FPS.Den)*1000, uint32(o.FPS.Num))
		g.lastFrame = g.frame + max((frames+999_999)/1_000_000, 1)
	}
	if o.Channels > 0 {
		if g.sound, err = newSound(o); err != nil {
			return nil, fmt.Errorf("testpattern: %w", err)
		}
		start := o.FPS.ticks(g.frame, aac.SampleRate)
		g.audio = (start + aac.FrameSamples - 1) / aac.FrameSamples
	}
	g.tracks = g.describe()
	return g, nil
}

func (g *Generator) describe() []media.Track {
	sps, pps := g.video.ParameterSets()
	tracks := []media.Track{{
		Codec: codec.H264, Timescale: videoTimescale, ParameterSets: [][]byte{sps, pps},
		Width: g.o.Width, Height: g.o.Height,
	}}
	if g.sound != nil {
		tracks = append(tracks, media.Track{
			Codec: codec.AAC, Timescale: aac.SampleRate, ParameterSets: [][]byte{g.sound.enc.Config()},
			SampleRate: aac.SampleRate, Channels: g.o.Channels, FrameDurationTicks: aac.FrameSamples,
		})
	}
	return tracks
}

// Tracks returns the tracks of the stream: video, and then audio if there is sound. Parameter sets are in the
// tracks only, not in the access units.
func (g *Generator) Tracks() []media.Track { return g.tracks }

// Next returns the next access unit and the index of its track, in decoding order over both tracks. au is nil after the
// last access unit. It is valid until the next call. Its MonoNS is its media time since the first frame.
func (g *Generator) Next() (track int, au *media.AU) {
	track, ns, ok := g.peek()
	if !ok {
		return 0, nil
	}
	g.au = media.AU{UTC: g.o.UTC + ns, MonoNS: ns, Payload: g.payload[:0]}
	if track == AudioTrack {
		g.nextAudio()
	} else {
		g.nextVideo()
	}
	return track, &g.au
}

// peek returns the track of the next access unit, and the unit's time in ns since the first frame. ok is false if no
// access unit is left.
func (g *Generator) peek() (track int, ns int64, ok bool) {
	if g.sound != nil && g.audioFirst() {
		return AudioTrack, media.ToNanos(g.audio*aac.FrameSamples, aac.SampleRate) - g.frameNanos(int64(g.o.Start)), true
	}
	return VideoTrack, g.frameNanos(g.frame) - g.frameNanos(int64(g.o.Start)), g.frame < g.lastFrame
}

func (g *Generator) frameNanos(n int64) int64 { return g.o.FPS.ticks(n, uint32(time.Second)) }

// audioFirst reports whether the next audio frame comes before the next video frame. It compares their times
// without rounding. After the last video frame, audio continues up to the video's end.
func (g *Generator) audioFirst() bool {
	video := g.frame * int64(g.o.FPS.Den) * (aac.SampleRate / 128)
	audio := g.audio * (aac.FrameSamples / 128) * int64(g.o.FPS.Num)
	return audio < video
}

func (g *Generator) nextVideo() {
	g.scene.draw(g.frame, g.au.UTC)
	g.au.DTS = g.o.FPS.ticks(g.frame, videoTimescale)
	g.au.PTS = g.au.DTS
	done := g.frame - int64(g.o.Start)
	g.au.Sync = done%int64(g.o.GOP) == 0
	var slice []byte
	if g.au.Sync {
		slice = g.video.IDR()
	} else {
		slice = g.video.P()
	}
	g.frame++
	if filler := g.filler(done+1, len(slice)); filler != nil {
		g.append(filler)
	}
	g.append(slice)
}

// filler returns a NAL unit that fills the next picture up to Options.Bitrate, or nil if nothing is to be filled.
// With it, the pictures up to the next one, frames in number, have the bytes of that bitrate together. If a picture
// is larger than its share, the pictures after it get less filler. slice is the size of the next picture in bytes.
func (g *Generator) filler(frames int64, slice int) []byte {
	if g.o.Bitrate == 0 {
		return nil
	}
	due := media.Rescale(frames*int64(g.o.FPS.Den), 8*uint32(g.o.FPS.Num), uint32(g.o.Bitrate))
	return g.video.Filler(int(due - g.sentBytes - int64(slice)))
}

func (g *Generator) append(unit []byte) {
	g.au.Payload = append(g.au.Payload, unit)
	g.sentBytes += int64(len(unit))
}

func (g *Generator) nextAudio() {
	n := g.audio * aac.FrameSamples
	g.au.DTS, g.au.PTS, g.au.Sync = n, n, true
	g.au.Payload = append(g.au.Payload, g.sound.frame(n))
	g.audio++
}

// AppendAnnexB appends an access unit of video to dst as a byte stream (H.264, Annex B). At a sync sample, the
// parameter sets come first.
func (g *Generator) AppendAnnexB(dst []byte, au *media.AU) []byte {
	startCode := []byte{0, 0, 0, 1}
	if au.Sync {
		dst = append(dst, startCode...)
		dst = append(dst, bytes.Join(g.tracks[VideoTrack].ParameterSets, startCode)...)
	}
	for _, unit := range au.Payload {
		dst = append(append(dst, startCode...), unit...)
	}
	return dst
}
