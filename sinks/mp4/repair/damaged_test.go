package repair

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// memoryFile implements the methods of a file that repair calls.
type memoryFile struct {
	disk.File
	b []byte
}

func (m *memoryFile) Size() (int64, error) { return int64(len(m.b)), nil }

func (m *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}

func (m *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); end > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, end-int64(len(m.b)))...)
	}
	return copy(m.b[off:], p), nil
}

var (
	fragmentedAbsolute = []string{"-movflags", "frag_keyframe+empty_moov"}
	fragmentedByMoof   = []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"}
	moovFirst          = []string{"-movflags", "faststart"}
)

// clip returns a film as ffmpeg writes it, with a key frame every ten frames.
func clip(t testing.TB, seconds string, args ...string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clip.mp4")
	out, err := exec.Command("ffmpeg", append(append([]string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=128x72:rate=25:duration=" + seconds,
		"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "10", "-pix_fmt", "yuv420p",
	}, args...), name)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return b
}

// inMdat returns an offset in the n-th top-level mdat of a file.
func inMdat(t testing.TB, b []byte, n int) int {
	t.Helper()
	for boxes := isobmff.Walk(b); boxes.Next(); {
		if boxes.Is("mdat") {
			if n--; n < 0 {
				return boxes.At + int(boxes.HeaderBytes) + len(boxes.Payload)/2
			}
		}
	}
	require.Fail(t, "no such mdat")
	return 0
}

// TestALengthThatWasNeverWrittenReachesToTheEnd checks a 64-bit size that a recorder reserved and
// never wrote.
func TestALengthThatWasNeverWrittenReachesToTheEnd(t *testing.T) {
	b := clip(t, "1", moovFirst...)
	at := inMdat(t, b, 0)
	for boxes := isobmff.Walk(b); boxes.Next(); {
		if boxes.Is("mdat") {
			at = boxes.At
		}
	}
	x := newDamagedFile(&memoryFile{b: append(append(bytes.Clone(b[:at]), 0, 0, 0, 1, 'm', 'd', 'a', 't'), make([]byte, 8)...)}, int64(at)+16)
	h, err := x.header(int64(at))
	require.NoError(t, err)
	require.Equal(t, isobmff.Header{Type: isobmff.FourCC{'m', 'd', 'a', 't'}, HeaderBytes: 16}, h)
	for _, large := range [][]byte{{0, 0, 0, 0, 0, 0, 0, 9}, {0xff, 0, 0, 0, 0, 0, 0, 0}} {
		x = newDamagedFile(&memoryFile{b: append([]byte{0, 0, 0, 1, 'm', 'd', 'a', 't'}, large...)}, 16)
		_, err = x.header(0)
		require.ErrorIs(t, err, isobmff.ErrHeader)
	}
}

// TestACopyThatIsNoBetterIsRefused checks that a wrong plan produces no file.
func TestACopyThatIsNoBetterIsRefused(t *testing.T) {
	b := clip(t, "2", fragmentedByMoof...)
	b = b[:inMdat(t, b, 2)]
	x := newDamagedFile(&memoryFile{b: b}, int64(len(b)))
	require.NoError(t, x.inspect())
	for name, length := range map[string]int64{"right": x.plan.lengthBytes, "short": x.plan.lengthBytes - 1, "long": x.sizeBytes} {
		x.plan.lengthBytes = length
		out := &memoryFile{}
		require.NoError(t, x.fill(out))
		if err := x.prove(out); name == "right" {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrBeyondHelp, name)
		}
	}
}

// FuzzDamagedFile inspects any bytes as another program's file and makes the copy: it must not
// panic, must end, and must refuse a damaged copy.
func FuzzDamagedFile(f *testing.F) {
	for _, args := range [][]string{fragmentedByMoof, fragmentedAbsolute, moovFirst, nil} {
		b := clip(f, "0.4", args...)
		f.Add(b, uint32(0), uint8(0))
		f.Add(b[:len(b)*3/4], uint32(900), uint8(0xff))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint32, x uint8) {
		b = bytes.Clone(b)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= x
		}
		look := func(b []byte) (*damagedFile, error) {
			x := newDamagedFile(&memoryFile{b: b}, int64(len(b)))
			return x, x.inspect()
		}
		found, err := look(b)
		if err != nil || found.plan.same(int64(len(b))) {
			return
		}
		out := &memoryFile{}
		require.NoError(t, found.fill(out))
		if err := found.prove(out); err != nil {
			require.ErrorIs(t, err, ErrBeyondHelp)
		}
	})
}
