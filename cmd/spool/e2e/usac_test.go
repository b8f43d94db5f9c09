package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

// usacConfig returns an AudioSpecificConfig of xHE-AAC (ISO/IEC 14496-3, 1.6.2.1, and ISO/IEC 23003-3, 5.2): mono, 48 kHz,
// 1024 samples in a frame. Debian has neither an encoder nor a decoder, so the bits follow the syntax of the standard.
func usacConfig() []byte {
	var w bitstream.Writer
	for _, f := range [][2]int{
		{5, 31}, {6, 10}, {4, 3}, {4, 1}, // audio object type 42, 48 kHz, one channel
		{5, 3}, {3, 1}, {5, 1}, // UsacConfig: 48 kHz, frames of 1024 without SBR, one channel
		{4, 1},                 // two elements
		{2, 0}, {1, 0}, {1, 0}, // a single channel, without time warping and noise filling
		{2, 3}, {4, 0}, {4, 0}, {1, 0}, {1, 0}, // an extension: filling, without a configuration
		{1, 0}, // no extension of the configuration
	} {
		w.Bits(f[0], uint32(f[1]))
	}
	return w.B
}

// usacFrame returns frame n of silence (ISO/IEC 23003-3, 5.3). Each 24th is independent. The number is in the filling, so
// that no two frames are alike.
func usacFrame(n int) []byte {
	var w bitstream.Writer
	independent := n%24 == 0
	w.Bits(1, map[bool]uint32{true: 1}[independent]) // usacIndependencyFlag
	w.Bits(1, 0)                                     // core_mode: frequency domain
	w.Bits(1, 0)                                     // tns_data_present
	w.Bits(8, 100)                                   // global_gain
	w.Bits(2+1+6, 0)                                 // ics_info: a long window, its shape, and no scale factor bands
	if !independent {
		w.Bits(1, 1) // arith_reset_flag
	}
	w.Bits(1, 0) // fac_data_present
	w.Bits(1, 1) // usacExtElementPresent
	w.Bits(1, 0) // usacExtElementUseDefaultLength
	size := 4 + n*37%150
	w.Bits(8, uint32(size))
	w.Bits(32, uint32(n))
	for range size - 4 {
		w.Bits(8, 0xa5)
	}
	return w.B
}

const usacFrameSamples, usacFrames = 1024, 188 // of the source, 4 s

// publishUSAC sends n frames.
func publishUSAC(t *testing.T, url string, n int) sender {
	t.Helper()
	f := &format.Generic{PayloadTyp: 96, RTPMa: "mpeg4-generic/48000/1", FMT: map[string]string{
		"streamtype": "5", "mode": "AAC-hbr", "config": hex.EncodeToString(usacConfig()),
		"sizelength": "13", "indexlength": "3", "indexdeltalength": "3",
	}}
	require.NoError(t, f.Init())
	coder := &rtpmpeg4audio.Encoder{PayloadType: 96, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
	require.NoError(t, coder.Init())
	track := libraryTrack{kind: description.MediaTypeAudio, format: f, ticks: usacFrameSamples}
	for i := range n {
		packets, err := coder.Encode([][]byte{usacFrame(i)})
		require.NoError(t, err)
		track.packets = append(track.packets, packets)
	}
	return track.publish(t, url)
}

// ofUSAC requires that a file has frames of the source from the first on, each at its time, and returns their number.
// ffmpeg 5.1 copies the frames, which it cannot decode.
func ofUSAC(t *testing.T, file string) (n int) {
	t.Helper()
	rows, complaint, err := run(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-c", "copy", "-f", "framemd5", "-")
	require.NoError(t, err, complaint)
	first := 0
	for row := range strings.Lines(rows) {
		if strings.HasPrefix(row, "#") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(row, " ", ""), ",")
		ticks, err := strconv.Atoi(cells[2])
		require.NoError(t, err, row)
		if n == 0 {
			first = ticks
		}
		require.Equal(t, fmt.Sprintf("%x", md5.Sum(usacFrame(n))), strings.TrimSpace(cells[5]), "%s: frame %d", file, n)
		require.Equal(t, n*usacFrameSamples, ticks-first, "%s: time of frame %d", file, n)
		n++
	}
	return n
}

// xHE-AAC is recorded by push into each form of files, and rewritten in the other form, with every frame.
func TestUSACIsRecorded(t *testing.T) {
	t.Parallel()
	program, err := staticBinary()
	require.NoError(t, err)
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			r := serve(t, "", "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
			r.start("live/a", "?wait=true")
			publishUSAC(t, r.rtsp+"/live/a", usacFrames).finish()
			file, rewritten := r.path(r.awaitRecords("live/a", 1)[0].File), filepath.Join(t.TempDir(), "rewritten.mp4")
			tool(t, program, "remux", fmt.Sprintf("--fragment=%v", !fragment), file, rewritten)
			for _, f := range []string{file, rewritten} {
				require.Equal(t, usacFrames, ofUSAC(t, f), f)
				require.Contains(t, tool(t, program, "probe", f), "mp4a.40.42")
			}
		})
	}
}

// After kill -9 the recovered file of xHE-AAC has the beginning of the source.
func TestUSACIsRecovered(t *testing.T) {
	t.Parallel()
	for _, fragment := range []string{"false", "true"} {
		t.Run("fragment="+fragment, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := launch(t, staticBinary, dir, "", "--set", "mp4/fragment="+fragment)
			r.start("live/a", "?wait=true")
			defer publishUSAC(t, r.rtsp+"/live/a", 10*usacFrames).kill()
			r.awaitUnits("live/a", 150)
			require.Equal(t, -1, r.signal(syscall.SIGKILL))
			again := launch(t, staticBinary, dir, "", "--set", "mp4/fragment="+fragment)
			rec := again.awaitRecords("live/a", 1)[0]
			require.Equal(t, "recovered crash", rec.State+" "+rec.EndReason)
			require.Greater(t, ofUSAC(t, again.path(rec.File)), 24)
		})
	}
}
