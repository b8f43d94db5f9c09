package file

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// Scan returns every packet that ffprobe reports, also after Next has read a part of the file.
func TestScanReturnsEverySample(t *testing.T) {
	for name, flags := range map[string]string{
		"ordinary": "faststart", "fragmented": "frag_keyframe+empty_moov+default_base_moof", "tracks apart": "frag_keyframe+separate_moof+delay_moov",
	} {
		t.Run(name, func(t *testing.T) {
			path := encode(t, "a.mp4", pictures, sounds, short, h264, aac, []string{"-movflags", flags})
			want := probe(t, path)
			r := open(t, path)
			c, err := r.Next()
			require.NoError(t, err)
			c.Release()
			require.Equal(t, flags != "faststart", r.Fragmented())
			got := map[int][]packet{}
			var buf []byte
			require.NoError(t, r.Scan(func(track int, s *isobmff.Sample) error {
				var err error
				buf, err = r.ReadSample(buf, s, 1<<20)
				sum := md5.Sum(buf)
				shift := r.ShiftTicks(track)
				got[track] = append(got[track], packet{s.DTS + shift, s.DTS + shift + int64(s.OffsetTicks), s.Sync || track == 1, hex.EncodeToString(sum[:])})
				return err
			}))
			for track := range want {
				require.Equal(t, want[track], got[track], "track %d", track)
			}
			require.Len(t, got, len(want))
		})
	}
}

// A file that was cut off has samples without data, and Scan returns them.
func TestScanReturnsSamplesWithoutData(t *testing.T) {
	path := encode(t, "a.mp4", pictures, short, h264, []string{"-movflags", "faststart"})
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut.mp4")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)-1000], 0o600))
	r, err := Open(cut, pipelinetest.Pool(t), time.Second, time.Now(), quiet)
	require.NoError(t, err)
	defer r.Close()
	var last isobmff.Sample
	n := 0
	require.NoError(t, r.Scan(func(_ int, s *isobmff.Sample) error {
		n++
		last = *s
		return nil
	}))
	require.Len(t, probe(t, path)[0], n)
	require.Greater(t, last.At+int64(last.SizeBytes), r.SizeBytes())
	_, err = r.ReadSample(nil, &last, 1<<20)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	stop := errors.New("stop")
	require.ErrorIs(t, r.Scan(func(int, *isobmff.Sample) error { return stop }), stop)
}

// A reader names the tracks that it leaves out.
func TestTracksThatAreLeftOutAreNamed(t *testing.T) {
	path := encode(t, "a.mp4", pictures, sounds, short, h264, []string{"-c:a", "alac"})
	left := open(t, path).LeftOut()
	require.Len(t, left, 1)
	require.Equal(t, uint32(2), left[0].ID)
	require.Contains(t, left[0].Reason, "alac")
}
