package testpattern

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// option is one key of the URL.
type option struct {
	accepts string
	read    func(*Options, string) bool
}

var options = map[string]option{
	"size":     {"WIDTHxHEIGHT in pixels, such as 640x360", readSize},
	"fps":      {"frames a second, such as 25 or 30000/1001", readFPS},
	"gop":      {"a number of frames, such as 50", func(o *Options, s string) bool { return readInt(s, &o.GOP) }},
	"bitrate":  {"bits a second, such as 800k or 2M", readBitrate},
	"audio":    {"on, off, mono or stereo", readAudio},
	"tone":     {"a frequency in Hz, such as 1000", func(o *Options, s string) bool { return readInt(s, &o.Tone) }},
	"start":    {"a frame number from 0 to 4294967295", readStart},
	"speed":    {"realtime or max", readSpeed},
	"duration": {"seconds, or a duration such as 1m30s", readDuration},
}

func (o *Options) set(key string, values []string) error {
	opt, known := options[key]
	switch {
	case !known:
		return fmt.Errorf("there is no option %.40q; known are %s", key, strings.Join(sortedKeys(options), ", "))
	case len(values) != 1:
		return fmt.Errorf("%s is given %d times; give it once", key, len(values))
	case !opt.read(o, values[0]):
		return fmt.Errorf("%s=%.40q is not understood; give %s", key, values[0], opt.accepts)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// readInt sets *to to the number in s, which has only decimal digits. It returns false if s has other characters, or
// for a number of 1<<31 or more.
func readInt(s string, to *int) bool {
	v, err := strconv.ParseUint(s, 10, 31)
	*to = int(v)
	return err == nil
}

func readSize(o *Options, s string) bool {
	width, height, found := strings.Cut(s, "x")
	return found && readInt(width, &o.Width) && readInt(height, &o.Height)
}

func readFPS(o *Options, s string) bool {
	num, den, found := strings.Cut(s, "/")
	o.FPS.Den = 1
	return readInt(num, &o.FPS.Num) && (!found || readInt(den, &o.FPS.Den))
}

func readBitrate(o *Options, s string) bool {
	digits, unit := s, uint64(1)
	switch {
	case strings.HasSuffix(s, "k"):
		digits, unit = s[:len(s)-1], 1_000
	case strings.HasSuffix(s, "M"):
		digits, unit = s[:len(s)-1], 1_000_000
	}
	v, err := strconv.ParseUint(digits, 10, 31)
	o.Bitrate = int(min(v*unit, math.MaxInt32)) // a value that is too large stays too large
	return err == nil
}

func readAudio(o *Options, s string) bool {
	channels, ok := map[string]int{"off": 0, "mono": 1, "stereo": 2, "on": 2}[s]
	o.Channels = channels
	return ok
}

func readStart(o *Options, s string) bool {
	v, err := strconv.ParseUint(s, 10, 32)
	o.Start = uint32(v)
	return err == nil
}

func readSpeed(o *Options, s string) bool {
	o.Speed = Realtime
	if s == "max" {
		o.Speed = Max
	}
	return s == "max" || s == "realtime"
}

// readDuration reads a number of whole seconds, as in a configuration, or a duration in Go's form, such as 1m30s. It
// returns false if the duration is not positive.
func readDuration(o *Options, s string) bool {
	var seconds int
	if readInt(s, &seconds) {
		o.Duration = time.Duration(seconds) * time.Second
		return seconds > 0
	}
	d, err := time.ParseDuration(s)
	o.Duration = d
	return err == nil && d > 0
}
