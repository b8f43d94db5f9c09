package testpattern

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gospool/spool/stages/ingest/testpattern/h264"
)

// Options describes the stream. The comment of each field begins with its key in the URL, and the default or an
// example.
type Options struct {
	Width, Height int           // size=640x360: pixels, even, 16 to 4096
	FPS           Rate          // fps=25 or 30000/1001: 1 to 120
	GOP           int           // gop=50: frames from one IDR picture to the next
	Bitrate       int           // bitrate=2M: bits a second of video, filled up with SEI user data; 0: no filling
	Channels      int           // audio=off|mono|stereo|on (stereo); 0, 1 or 2
	Tone          int           // tone=1000: Hz of the beep
	Start         uint32        // start=0: number of the first frame
	Speed         Speed         // speed=realtime|max
	Duration      time.Duration // duration=10s: length of the stream; 0: endless
	UTC           int64         // wall clock of the first frame, ns; not in a URL: a live stream reads the clock
}

// Speed is the pace at which a live stream publishes.
type Speed uint8

// The speeds.
const (
	Realtime Speed = iota // each frame at its time
	Max                   // each frame as soon as the hub has taken the frame before
)

// Default returns the options of the URL testpattern://, which has no option.
func Default() Options {
	return Options{Width: 640, Height: 360, FPS: Rate{25, 1}, GOP: 50, Channels: 2, Tone: 1000}
}

// The limits of the options.
const (
	minSide, maxSide = 16, 4096
	maxFPS           = 120
	maxGOP           = 100_000
	maxBitrate       = 240_000_000 // the bitrate of H.264 level 5.2
	minTone, maxTone = 50, 16_000
)

// Parse returns the options in a URL, and the defaults of the other options. The error names every wrong option and the
// values that it accepts.
func Parse(u *url.URL) (Options, error) {
	o := Default()
	var problems []error
	if u.Scheme != scheme || u.Opaque != "" || u.Host != "" || u.User != nil || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		problems = append(problems, fmt.Errorf("write %s://?option=value&..., with neither host nor path", scheme))
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		problems = append(problems, fmt.Errorf("options cannot be read: %w", err))
	}
	for _, key := range sortedKeys(query) {
		if err := o.set(key, query[key]); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) == 0 {
		if err := o.validate(); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return Options{}, fmt.Errorf("testpattern: %w", err)
	}
	return o, nil
}

// validate returns an error that names each option that is out of its range, or nil.
func (o Options) validate() error {
	within := func(name string, v, least, most int) error {
		if v < least || v > most {
			return fmt.Errorf("%s is %d; it is from %d to %d", name, v, least, most)
		}
		return nil
	}
	problems := []error{
		within("width", o.Width, minSide, maxSide),
		within("height", o.Height, minSide, maxSide),
		o.FPS.validate(),
		within("gop", o.GOP, 1, maxGOP),
		within("bitrate", o.Bitrate, 0, maxBitrate),
		within("audio channels", o.Channels, 0, 2),
		within("tone", o.Tone, minTone, maxTone),
		within("speed", int(o.Speed), int(Realtime), int(Max)),
	}
	if o.Width%2 != 0 || o.Height%2 != 0 {
		problems = append(problems, fmt.Errorf("size is %dx%d; both sides are even", o.Width, o.Height))
	}
	if o.Duration < 0 {
		problems = append(problems, fmt.Errorf("duration is %v; it is positive, or 0 for no end", o.Duration))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return o.h264().Validate()
}

func (o Options) h264() h264.Config {
	return h264.Config{
		Width: o.Width, Height: o.Height, Bitrate: o.Bitrate,
		FrameRateNum: o.FPS.Num, FrameRateDen: o.FPS.Den,
	}
}
