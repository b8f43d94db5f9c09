package harness

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/bench/movie"
	"github.com/gospool/spool/pipeline/config"
)

// Matrix lists the values of each parameter of a measurement. Each combination of values is a case. A matrix is read
// from a YAML file, with the keys below, or made from flags.
type Matrix struct {
	Format   []string          `yaml:"format" doc:"mp4 or fmp4"`
	Codec    []string          `yaml:"codec" doc:"of the pictures, with sound in AAC; or of sound alone; all: each codec"`
	Bitrate  []int             `yaml:"bitrate" doc:"bit/s of the pictures"`
	FPS      []int             `yaml:"fps" doc:"pictures a second"`
	GOP      []config.Duration `yaml:"gop" doc:"from one key frame to the next"`
	Flush    []config.Duration `yaml:"flush_interval" doc:"length of a chunk"`
	Bytes    []config.Size     `yaml:"flush_bytes" doc:"largest chunk"`
	Fragment []config.Duration `yaml:"fragment_duration" doc:"fmp4: length of a fragment in the index"`
	Sync     []string          `yaml:"sync" doc:"none, chunk or segment"`
	Streams  []int             `yaml:"streams" doc:"recorded at once"`
	Length   []config.Duration `yaml:"length" doc:"of media in a stream"`
}

// Codecs lists the codecs that a case can have: those of pictures, and then those of sound alone.
var Codecs = movie.Codecs()

// Case is one combination of a Matrix, which explains the parameters.
type Case struct {
	Format   string        `json:"format"`
	Codec    string        `json:"codec"`
	Bitrate  int           `json:"bitrate"` // bit/s; of sound alone: that of its row in package movie
	FPS      int           `json:"fps"`     // 0 for sound alone
	GOP      time.Duration `json:"gop_ns"`
	Flush    time.Duration `json:"flush_interval_ns"`
	Bytes    int           `json:"flush_bytes"`
	Fragment time.Duration `json:"fragment_duration_ns"`
	Sync     string        `json:"sync"`
	Streams  int           `json:"streams"`
	Length   time.Duration `json:"length_ns"`
}

// Over returns m, with the values of base for each parameter that has no values in m.
func (m Matrix) Over(base Matrix) Matrix {
	or(&m.Format, base.Format)
	or(&m.Codec, base.Codec)
	or(&m.Bitrate, base.Bitrate)
	or(&m.FPS, base.FPS)
	or(&m.GOP, base.GOP)
	or(&m.Flush, base.Flush)
	or(&m.Bytes, base.Bytes)
	or(&m.Fragment, base.Fragment)
	or(&m.Sync, base.Sync)
	or(&m.Streams, base.Streams)
	or(&m.Length, base.Length)
	return m
}

func or[T any](v *[]T, base []T) {
	if len(*v) == 0 {
		*v = base
	}
}

// Cases returns all combinations of the matrix, ordered by the parameters as Case.Name lists them. It returns an error
// if a combination has an invalid value.
func (m Matrix) Cases() ([]Case, error) {
	if slices.Contains(m.Codec, "all") {
		m.Codec = Codecs
	}
	cases := []Case{{}}
	cases = cross(cases, m.Format, func(c *Case, v string) { c.Format = v })
	cases = cross(cases, m.Sync, func(c *Case, v string) { c.Sync = v })
	cases = cross(cases, m.Codec, func(c *Case, v string) { c.Codec = v })
	cases = cross(cases, m.Bitrate, func(c *Case, v int) { c.Bitrate = v })
	cases = cross(cases, m.FPS, func(c *Case, v int) { c.FPS = v })
	cases = cross(cases, m.GOP, func(c *Case, v config.Duration) { c.GOP = v.D() })
	cases = cross(cases, m.Fragment, func(c *Case, v config.Duration) { c.Fragment = v.D() })
	cases = cross(cases, m.Length, func(c *Case, v config.Duration) { c.Length = v.D() })
	cases = cross(cases, m.Streams, func(c *Case, v int) { c.Streams = v })
	cases = cross(cases, m.Bytes, func(c *Case, v config.Size) { c.Bytes = int(v) })
	cases = cross(cases, m.Flush, func(c *Case, v config.Duration) { c.Flush = v.D() })
	for _, c := range cases {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	return withoutPictures(cases), nil
}

// withoutPictures gives each case of sound alone the bitrate of its codec, and no pictures. It keeps one of the cases that
// have then become equal.
func withoutPictures(cases []Case) (kept []Case) {
	for _, c := range cases {
		if bitrate := movie.SoundBitrate(c.Codec); bitrate > 0 {
			c.Bitrate, c.FPS, c.GOP = bitrate, 0, 0
		}
		if !slices.Contains(kept, c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// cross returns the combinations of each case with each value of one more parameter.
func cross[T any](cases []Case, values []T, set func(*Case, T)) []Case {
	out := make([]Case, 0, len(cases)*len(values))
	for _, c := range cases {
		for _, v := range values {
			set(&c, v)
			out = append(out, c)
		}
	}
	return out
}

func (c Case) check() error {
	switch {
	case c.Format != "mp4" && c.Format != "fmp4":
		return fmt.Errorf("format %q is neither mp4 nor fmp4", c.Format)
	case c.Sync != "none" && c.Sync != "chunk" && c.Sync != "segment":
		return fmt.Errorf("sync %q: write none, chunk or segment", c.Sync)
	case !slices.Contains(Codecs, c.Codec):
		return fmt.Errorf("codec %q: write all, or some of %s", c.Codec, strings.Join(Codecs, ", "))
	case c.Bytes < 64<<10 || c.Bytes > 64<<20:
		return fmt.Errorf("flush_bytes %d: it is from 64KiB to 64MiB", c.Bytes)
	case c.Bitrate < 100_000 || c.Bitrate > 200_000_000:
		return fmt.Errorf("a bitrate of %d: it is from 100k to 200M", c.Bitrate)
	case c.FPS < 1 || c.FPS > 120:
		return fmt.Errorf("%d pictures a second: it is from 1 to 120", c.FPS)
	case c.Streams < 1 || c.Streams > 2000:
		return fmt.Errorf("%d streams: it is from 1 to 2000", c.Streams)
	case c.Length < time.Second || c.Length > 24*time.Hour:
		return fmt.Errorf("a length of %v: it is from 1s to 24h", c.Length)
	case c.Flush < 10*time.Millisecond || c.GOP < 10*time.Millisecond || c.Fragment < 10*time.Millisecond:
		return fmt.Errorf("flush_interval %v, gop %v, fragment_duration %v: each is 10ms at least", c.Flush, c.GOP, c.Fragment)
	}
	return nil
}

// Name returns all parameters of the case as benchstat expects them in the name of a benchmark: key=value, with slashes
// between.
func (c Case) Name() string {
	return fmt.Sprintf("format=%s/sync=%s/codec=%s/bitrate=%s/fps=%d/gop=%v/fragment=%v/length=%v/streams=%d/bytes=%v/flush=%v",
		c.Format, c.Sync, c.Codec, rate(c.Bitrate), c.FPS, c.GOP, c.Fragment, c.Length, c.Streams, config.Size(c.Bytes), c.Flush)
}

func rate(bps int) string {
	if bps%1_000_000 == 0 {
		return fmt.Sprintf("%dM", bps/1_000_000)
	}
	return fmt.Sprintf("%dk", bps/1000)
}

// ParseRate parses a bitrate, such as 8M, 500k or 64000, and returns bit/s.
func ParseRate(text string) (int, error) {
	digits, unit := text, 1
	switch {
	case strings.HasSuffix(text, "k"):
		digits, unit = text[:len(text)-1], 1000
	case strings.HasSuffix(text, "M"):
		digits, unit = text[:len(text)-1], 1_000_000
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n > 1<<31/uint64(unit) {
		return 0, fmt.Errorf("%q is not a bitrate: write 8M, 500k or a number of bit/s", text)
	}
	return int(n) * unit, nil
}

// Short returns the parts of c.Name, key=value, in which another case of among differs from c. It returns the first
// part if no case differs.
func (c Case) Short(among []Case) string {
	parts := strings.Split(c.Name(), "/")
	var keep []string
	for i, p := range parts {
		for _, other := range among {
			if strings.Split(other.Name(), "/")[i] != p {
				keep = append(keep, p)
				break
			}
		}
	}
	if len(keep) == 0 {
		return parts[0]
	}
	return strings.Join(keep, " ")
}

// shared returns the parts of a case's name, key=value, that all cases have in common.
func shared(cases []Case) string {
	common := strings.Split(cases[0].Name(), "/")
	for _, c := range cases[1:] {
		parts := strings.Split(c.Name(), "/")
		common = slices.DeleteFunc(common, func(p string) bool { return !slices.Contains(parts, p) })
	}
	return strings.Join(common, " ")
}
