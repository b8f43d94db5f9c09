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

// Clip is the media that a camera plays, again and again without a gap.
type Clip struct{ Tracks []Track }

// Track is a track of a clip, for one period of the loop, in decoding order.
type Track struct {
	Codec       string
	ClockHz     int64    // ticks a second, of the track's times and of RTP
	Sets        [][]byte // parameter sets: VPS, SPS and PPS, or the AudioSpecificConfig
	Units       []Unit
	PeriodTicks int64 // duration of the period
}

// Unit is an access unit.
type Unit struct {
	DTS, PTS int64    // ticks from the beginning of the period
	Key      bool     // it is a sync sample
	NALs     [][]byte // NAL units; of audio the frame alone
	Hash     string   // MD5 of the NAL units, each after its length, without parameter sets and delimiters
}

// at returns access unit n of the endless loop. dts and pts are ticks from the start of the loop.
func (t *Track) at(n int) (u *Unit, dts, pts int64) {
	u = &t.Units[n%len(t.Units)]
	round := int64(n/len(t.Units)) * t.PeriodTicks
	return u, u.DTS + round, u.PTS + round
}

// Track returns the first track with a codec, or nil.
func (c *Clip) Track(codec string) *Track {
	for i := range c.Tracks {
		if c.Tracks[i].Codec == codec {
			return &c.Tracks[i]
		}
	}
	return nil
}

// Video returns the clip's video track, which is the first.
func (c *Clip) Video() *Track { return &c.Tracks[0] }

// Clips holds the clips that the quirks play, by name: see Shoot.
type Clips map[string]*Clip

// The clips have 10 pictures a second, every eighth of them a key frame, and audio of 16 kHz in frames of 1024 samples.
// 32 pictures are as long as 50 audio frames (3.2 s), which is the period of the loop. The clips are so small that a
// test can play a hundred of them at once.
const (
	pictures = 32
	sounds   = 50
	seconds  = "4"
)

// Shoot makes the clips with ffmpeg and stores them as files in the directory dir. If the files of an earlier call
// exist, it reads these instead.
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

// ReadFile reads all tracks of an MP4 file that is not fragmented.
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

// loop cuts a clip of Shoot to one period. It returns an error if the clip is too short, or if two access units of a
// track are equal: Match must distinguish them.
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

// hashOf returns the Hash of a Unit. It ignores parameter sets and delimiters, which a recorder may move, and zeros
// after a NAL unit, which Annex B permits.
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

// cutSample returns the NAL units of an MP4 sample, each of which follows its length in 4 bytes.
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
