package rtsptest

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"
)

// The codecs of a clip's tracks.
const (
	H264 = "h264"
	H265 = "h265"
	AAC  = "aac"
)

// Clip is the content that a camera plays in a seamless loop.
type Clip struct{ Tracks []Track }

// Track is one period of a track, in decoding order.
type Track struct {
	Codec       string
	ClockHz     int64    // ticks a second, of the clip and of RTP
	Sets        [][]byte // VPS, SPS and PPS, or the AudioSpecificConfig
	Units       []Unit
	PeriodTicks int64 // ticks
}

// Unit is an access unit.
type Unit struct {
	DTS, PTS int64 // ticks from the beginning of the period
	Key      bool
	NALs     [][]byte // of sound one: the frame
	Hash     string   // MD5 of the NAL units except parameter sets and delimiters, each preceded by its size
}

// at returns the n-th unit of the loop and its times.
func (t *Track) at(n int) (u *Unit, dts, pts int64) {
	u = &t.Units[n%len(t.Units)]
	round := int64(n/len(t.Units)) * t.PeriodTicks
	return u, u.DTS + round, u.PTS + round
}

// Track returns the track of a codec, or nil.
func (c *Clip) Track(codec string) *Track {
	for i := range c.Tracks {
		if c.Tracks[i].Codec == codec {
			return &c.Tracks[i]
		}
	}
	return nil
}

// Video returns the clip's video track.
func (c *Clip) Video() *Track { return &c.Tracks[0] }

// Clips are the clips that the quirks play, by name.
type Clips map[string]*Clip

// The clips have 10 pictures a second with a key frame in every 8, and sound of 16 kHz in frames of 1024, so that 32
// pictures are as long as 50 frames. A hundred of them at once are a small load.
const (
	pictures = 32
	sounds   = 50
	seconds  = "4"
)

// Shoot makes the clips by ffmpeg in a directory; it reuses those that exist.
func Shoot(ctx context.Context, dir string) (Clips, error) {
	out := Clips{}
	for _, c := range []struct {
		name  string
		video []string
	}{
		{H264, []string{"libx264", "-preset", "veryfast", "-bf", "0", "-g", "8", "-keyint_min", "8", "-x264-params", "scenecut=0"}},
		{"b-frames", []string{"libx264", "-preset", "veryfast", "-bf", "2", "-g", "8", "-keyint_min", "8", "-x264-params", "scenecut=0"}},
		{H265, []string{"libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:keyint=8:min-keyint=8:scenecut=0:open-gop=0:log-level=error"}},
	} {
		file := filepath.Join(dir, "rtsptest-"+c.name+".mp4")
		if _, err := os.Stat(file); err != nil {
			if err := shoot(ctx, file, c.video); err != nil {
				return nil, err
			}
		}
		clip, err := ReadFile(file)
		if err == nil {
			err = clip.loop()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out[c.name] = clip
	}
	return out, nil
}

func shoot(ctx context.Context, file string, video []string) error {
	args := []string{
		"-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=192x108:rate=10:duration=" + seconds,
		"-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=16000:duration=" + seconds,
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "24k", "-f", "mp4", "-c:v",
	}
	part := file + ".part"
	if text, err := exec.CommandContext(ctx, "ffmpeg", append(append(args, video...), part)...).CombinedOutput(); err != nil {
		return fmt.Errorf("make %s: ffmpeg: %w: %s", file, err, text)
	}
	return os.Rename(part, file)
}

// ReadFile reads all tracks of an ordinary MP4 file.
func ReadFile(file string) (*Clip, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var p pmp4.Presentation
	if err := p.Unmarshal(f); err != nil {
		return nil, err
	}
	c := &Clip{}
	for _, track := range p.Tracks {
		t, err := readTrack(track)
		if err != nil {
			return nil, err
		}
		c.Tracks = append(c.Tracks, t)
	}
	return c, nil
}

// loop makes one period of a clip that Shoot made.
func (c *Clip) loop() error {
	if len(c.Tracks) != 2 {
		return fmt.Errorf("%d tracks", len(c.Tracks))
	}
	for i, n := range []int{pictures, sounds} {
		t := &c.Tracks[i]
		if len(t.Units) <= n {
			return fmt.Errorf("%d access units of %s, want more than %d", len(t.Units), t.Codec, n)
		}
		t.PeriodTicks, t.Units = t.Units[n].DTS, t.Units[:n]
		seen := map[string]bool{}
		for _, u := range t.Units {
			if seen[u.Hash] {
				return errors.New("two access units are alike")
			}
			seen[u.Hash] = true
		}
	}
	return nil
}

func readTrack(from *pmp4.Track) (t Track, err error) {
	switch c := from.Codec.(type) {
	case *codecs.H264:
		t = Track{Codec: H264, ClockHz: 90000, Sets: [][]byte{c.SPS, c.PPS}}
	case *codecs.H265:
		t = Track{Codec: H265, ClockHz: 90000, Sets: [][]byte{c.VPS, c.SPS, c.PPS}}
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			return t, err
		}
		t = Track{Codec: AAC, ClockHz: int64(from.TimeScale), Sets: [][]byte{config}}
	}
	at, scale := int64(0), int64(from.TimeScale)
	for _, s := range from.Samples {
		b, err := s.GetPayload()
		if err != nil {
			return t, err
		}
		u := Unit{DTS: at * t.ClockHz / scale, PTS: (at + int64(s.PTSOffset)) * t.ClockHz / scale, Key: !s.IsNonSyncSample, NALs: [][]byte{b}}
		if t.Codec != AAC {
			if u.NALs, err = cutSample(b); err != nil {
				return t, err
			}
		}
		u.Hash = hashOf(t.Codec, u.NALs)
		t.Units = append(t.Units, u)
		at += int64(s.Duration)
	}
	t.PeriodTicks = at * t.ClockHz / scale
	return t, nil
}

// hashOf leaves out the NAL units that recorders may move, and zeros behind a NAL unit, which Annex B permits.
func hashOf(codec string, nals [][]byte) string {
	h := md5.New()
	for _, nal := range nals {
		if len(nal) == 0 {
			continue
		}
		kind := nal[0] & 0x1f
		if codec == H265 {
			kind = nal[0] >> 1
		}
		if codec == H264 && kind >= 7 && kind <= 9 || codec == H265 && kind >= 32 && kind <= 35 {
			continue
		}
		if codec != AAC {
			nal = bytes.TrimRight(nal, "\x00")
		}
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(nal))))
		_, _ = h.Write(nal)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// cutSample divides a sample at its 4-byte lengths.
func cutSample(b []byte) (out [][]byte, err error) {
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint32(b))
		if n > len(b)-4 {
			break
		}
		out = append(out, b[4:4+n])
		b = b[4+n:]
	}
	if len(b) > 0 {
		return nil, errors.New("NAL units do not tile a sample")
	}
	return out, nil
}
