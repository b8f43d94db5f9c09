package testpattern

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, raw string) (Options, error) {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return Parse(u)
}

func TestOptionsAreRead(t *testing.T) {
	set := func(change func(*Options)) Options {
		o := Default()
		change(&o)
		return o
	}
	for raw, want := range map[string]Options{
		"testpattern://":  Default(),
		"testpattern:///": Default(),
		"testpattern://?size=640x360&fps=25&gop=50":       Default(),
		"testpattern://?size=1920x1080":                   set(func(o *Options) { o.Width, o.Height = 1920, 1080 }),
		"testpattern://?fps=30000/1001&gop=1":             set(func(o *Options) { o.FPS, o.GOP = Rate{30000, 1001}, 1 }),
		"testpattern://?fps=30000%2F1001":                 set(func(o *Options) { o.FPS = Rate{30000, 1001} }),
		"testpattern://?bitrate=2M":                       set(func(o *Options) { o.Bitrate = 2_000_000 }),
		"testpattern://?bitrate=800k":                     set(func(o *Options) { o.Bitrate = 800_000 }),
		"testpattern://?audio=off":                        set(func(o *Options) { o.Channels = 0 }),
		"testpattern://?audio=mono&tone=440":              set(func(o *Options) { o.Channels, o.Tone = 1, 440 }),
		"testpattern://?start=4294967295&speed=max":       set(func(o *Options) { o.Start, o.Speed = 1<<32-1, Max }),
		"testpattern://?duration=90":                      set(func(o *Options) { o.Duration = 90 * time.Second }),
		"testpattern://?duration=1m30s&speed=realtime":    set(func(o *Options) { o.Duration = 90 * time.Second }),
		"testpattern://?duration=40ms&audio=on&bitrate=0": set(func(o *Options) { o.Duration = 40 * time.Millisecond }),
	} {
		got, err := parse(t, raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
}

func TestWrongOptionsNameTheAcceptedValues(t *testing.T) {
	for raw, want := range map[string]string{
		"testpattern://?colour=red":            `there is no option "colour"; known are audio, bitrate, duration, fps, gop, size, speed, start, tone`,
		"testpattern://?size=640":              `size="640" is not understood; give WIDTHxHEIGHT in pixels, such as 640x360`,
		"testpattern://?size=641x360":          "size is 641x360; both sides are even",
		"testpattern://?size=0x0":              "width is 0; it is from 16 to 4096",
		"testpattern://?size=640x9999":         "height is 9999; it is from 16 to 4096",
		"testpattern://?size=-640x360":         "is not understood",
		"testpattern://?fps=0":                 "fps is 0/1; it is from 1 to 120",
		"testpattern://?fps=25/0":              "fps is 25/0",
		"testpattern://?fps=29.97":             "give frames a second, such as 25 or 30000/1001",
		"testpattern://?fps=121":               "from 1 to 120",
		"testpattern://?gop=0":                 "gop is 0; it is from 1 to 100000",
		"testpattern://?gop=ten":               "give a number of frames, such as 50",
		"testpattern://?bitrate=2G":            "give bits a second, such as 800k or 2M",
		"testpattern://?bitrate=2000M":         "bitrate is 2000000000; it is from 0 to 240000000",
		"testpattern://?bitrate=2147483647M":   "bitrate is 2147483647; it is from 0 to 240000000",
		"testpattern://?audio=5.1":             "give on, off, mono or stereo",
		"testpattern://?tone=20":               "tone is 20; it is from 50 to 16000",
		"testpattern://?start=4294967296":      "give a frame number from 0 to 4294967295",
		"testpattern://?speed=2":               "give realtime or max",
		"testpattern://?duration=0":            "give seconds, or a duration such as 1m30s",
		"testpattern://?duration=-5s":          "give seconds",
		"testpattern://?gop=1&gop=2":           "gop is given 2 times; give it once",
		"testpattern://host?gop=1":             "with neither host nor path",
		"testpattern://?size=4096x4096&fps=60": "beyond H.264 level 5.2",
		"testpattern:?gop=1":                   "", // as good as with slashes
	} {
		_, err := parse(t, raw)
		if want == "" {
			require.NoError(t, err, raw)
			continue
		}
		require.ErrorContains(t, err, want, raw)
	}
}

func TestEveryWrongOptionIsNamedAtOnce(t *testing.T) {
	_, err := parse(t, "testpattern://?size=big&fps=fast&colour=red")
	require.ErrorContains(t, err, "size=")
	require.ErrorContains(t, err, "fps=")
	require.ErrorContains(t, err, "colour")
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		o, err := Parse(u)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		// Accepted options make a stream.
		if o.Width*o.Height <= 640*480 {
			g, err := New(o)
			require.NoError(t, err)
			for range 4 {
				if _, au := g.Next(); au == nil {
					break
				}
			}
		}
	})
}

func FuzzReadFrameNumber(f *testing.F) {
	f.Fuzz(func(t *testing.T, luma []byte, stride, width, height int) {
		ReadFrameNumber(luma, stride, width, height)
	})
}
