package file

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The reader returns every packet that ffprobe reports: its bytes, its times, and whether it is a key frame.
func TestEveryPacketAsFFprobeSeesIt(t *testing.T) {
	fragmented := []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"}
	for name, path := range map[string]string{
		"ordinary":                  encode(t, "a.mp4", pictures, sounds, short, h264, aac),
		"moov first":                encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", "faststart"}),
		"h265":                      encode(t, "a.mp4", pictures, sounds, short, h265, aac),
		"pictures only":             encode(t, "a.mp4", pictures, short, h264),
		"sound only":                encode(t, "a.m4a", sounds, short, aac),
		"sound first":               encode(t, "a.mp4", sounds, pictures, short, h264, aac, []string{"-map", "0", "-map", "1"}),
		"sound later":               encode(t, "a.mp4", pictures, []string{"-itsoffset", "1.5"}, sounds, short, h264, aac),
		"pictures later":            encode(t, "a.mp4", []string{"-itsoffset", "1.5"}, pictures, sounds, short, h264, aac),
		"two sounds":                encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-map", "0", "-map", "1", "-map", "1"}),
		"quicktime":                 encode(t, "a.mov", pictures, sounds, short, h264, aac),
		"fragmented":                encode(t, "a.mp4", pictures, sounds, short, h264, aac, fragmented),
		"fragmented, tracks apart":  encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", "frag_keyframe+separate_moof+delay_moov"}),
		"fragmented, global sidx":   encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", "frag_keyframe+delay_moov+global_sidx+default_base_moof"}),
		"fragmented, base offsets":  encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", "frag_keyframe+empty_moov"}),
		"variable rate":             encode(t, "a.mp4", pictures, sounds, short, []string{"-vf", "select='not(eq(mod(n\\,7)\\,3))'", "-vsync", "vfr"}, h264, aac),
		"sound ends before picture": encode(t, "a.mp4", pictures, []string{"-t", "1"}, sounds, short, h264, aac),
	} {
		t.Run(name, func(t *testing.T) {
			want := probe(t, path)
			got := readAllOf(t, open(t, path))
			require.Len(t, got, len(want))
			for track := range want {
				require.NotEmpty(t, want[track])
				require.Equal(t, want[track], got[track], "track %d", track)
			}
		})
	}
}

// Chunks begin at key frames and are no longer than a second.
func TestChunksAreCutAsALiveStreams(t *testing.T) {
	r := open(t, encode(t, "a.mp4", pictures, sounds, []string{"-t", "6"}, h264, aac, []string{"-g", "60", "-sc_threshold", "0"}))
	var gops, units []int
	utc := int64(0)
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		lead := c.Lead()
		for k := range lead.Flags {
			require.Equal(t, k == 0 && c.StartsGOP, lead.Flags[k]&media.FlagSync != 0)
		}
		if c.StartsGOP {
			gops = append(gops, len(units))
		}
		units = append(units, lead.Len())
		require.Greater(t, c.UTC, utc)
		utc = c.UTC
		c.Release()
	}
	require.Equal(t, []int{25, 25, 10, 25, 25, 10, 25, 5}, units)
	require.Equal(t, []int{0, 3, 6}, gops)
	require.WithinDuration(t, time.Unix(1_700_000_005, 0), time.Unix(0, utc), time.Second)
	require.Equal(t, 6*time.Second, r.Duration().Round(100*time.Millisecond))
}

// A lap follows the previous one without a gap, and with the same content.
func TestAgainGoesOnInTime(t *testing.T) {
	r := open(t, encode(t, "a.mp4", pictures, sounds, []string{"-t", "2"}, h264, aac))
	first := readAllOf(t, r)
	require.NoError(t, r.Again())
	second := map[int][]packet{}
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		collect(t, second, c)
		c.Release()
	}
	for track, packets := range first {
		require.Len(t, second[track], len(packets))
		step := second[track][0].DTS - packets[0].DTS
		require.InDelta(t, 2.05e9, media.ToNanos(step, r.Tracks().Tracks[track].Timescale), 0.06e9)
		for i := range packets {
			moved := packets[i]
			moved.DTS, moved.PTS = moved.DTS+step, moved.PTS+step
			require.Equal(t, moved, second[track][i])
		}
	}
}

// A fragmented file that is cut anywhere yields its whole fragments; the error of an ordinary file names the byte at
// which it ends.
func TestCutOff(t *testing.T) {
	whole := contents(t, encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"}))
	all := len(readAllOf(t, open(t, write(t, whole)))[0])
	last := all
	for n := len(whole) - 1; n > 2000; n -= 1777 {
		r := open(t, write(t, whole[:n]))
		got := len(readAllOf(t, r)[0])
		require.LessOrEqual(t, got, last)
		require.True(t, got == all || got%25 == 0, "%d pictures are no whole fragments", got)
		last = got
	}
	require.Less(t, last, 26)

	ordinary := contents(t, encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", "faststart"}))
	r := open(t, write(t, ordinary[:len(ordinary)-100]))
	var err error
	for err == nil {
		var c *media.Chunk
		if c, err = r.Next(); err == nil {
			c.Release()
		}
	}
	require.ErrorIs(t, err, errCutOff)
	require.ErrorContains(t, err, "made.mp4: ")
}

func TestUnsupportedFiles(t *testing.T) {
	moov := contents(t, encode(t, "a.mp4", pictures, []string{"-t", "1"}, h264, []string{"-movflags", "faststart"}))
	for want, b := range map[string][]byte{
		"no MP4 file":                {},
		"was not finished":           moov[:32],
		"runs past the end":          moov[:300],
		"has an impossible size":     []byte("\x00\x00\x00\x04ftyp...."),
		"no track that can be":       mutate(moov, "avc1", "vp08"),
		"the sample entry has no av": mutate(moov, "avcC", "free"),
		"do not fit together":        mutate(moov, "stsc", "free"),
		"moov has no timescale":      mutate(moov, "mvhd", "free"),
		"it has no timescale":        mutate(moov, "mdhd", "free"),
	} {
		_, err := Open(write(t, b), media.NewPool(0), time.Second, time.Now(), quiet)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "/", "no directory is shown")
	}
	_, err := Open(t.TempDir(), media.NewPool(0), time.Second, time.Now(), quiet)
	require.ErrorContains(t, err, "no regular file")
	_, err = Open("/nowhere/x.mp4", media.NewPool(0), time.Second, time.Now(), quiet)
	require.EqualError(t, err, "x.mp4: no such file or directory")
}

// A track whose sample entry cannot be read is left out, and the other tracks are read.
func TestADamagedSampleEntryEndsOnlyItsTrack(t *testing.T) {
	whole := contents(t, encode(t, "a.mp4", pictures, sounds, short, h264, aac))
	for damage, left := range map[string]media.Codec{"esds": codec.H264, "avcC": codec.AAC} {
		r, err := Open(write(t, mutate(whole, damage, "free")), media.NewPool(0), time.Second, time.Now(), quiet)
		require.NoError(t, err, damage)
		require.Len(t, r.Tracks().Tracks, 1, damage)
		require.Equal(t, left, r.Tracks().Tracks[0].Codec, damage)
		require.NoError(t, r.Close())
	}
}
