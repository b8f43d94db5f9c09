package repair

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// sparseFile is a file with a hole, of which repair reads the headers of boxes only.
type sparseFile struct {
	disk.File
	f *os.File
}

func (s sparseFile) ReadAt(p []byte, off int64) (int, error) { return s.f.ReadAt(p, off) }

func (s sparseFile) Size() (int64, error) {
	info, err := s.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func TestTheHiddenMoovOfAHybridFileMayBeBehind4GiB(t *testing.T) {
	t.Parallel()
	fragmented := clip(t, "2", fragmentedByMoof...)
	ftyp := int64(binary.BigEndian.Uint32(fragmented))
	const skipped = 5 << 30
	rest := ftyp + 16 + skipped
	for name, c := range map[string]struct {
		mdat  []byte
		opens bool
	}{
		"16 bytes of header":                      {isobmfftest.LargeHeader("mdat", uint64(16+skipped+int64(len(fragmented))-ftyp)), true},
		"8 bytes of header, up to the file's end": {[]byte("\x00\x00\x00\x00mdat\x00\x00\x00\x08free"), false},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "hybrid.mp4"))
			require.NoError(t, err)
			defer f.Close()
			head := bytes.Join([][]byte{fragmented[:ftyp], c.mdat, isobmfftest.LargeHeader("free", skipped)}, nil)
			_, err = f.Write(head)
			require.NoError(t, err)
			_, err = f.WriteAt(fragmented[ftyp:], rest)
			require.NoError(t, err)

			sizeBytes := rest + int64(len(fragmented)) - ftyp
			x := newDamagedFile(sparseFile{f: f}, sizeBytes)
			if err = x.inspect(); !c.opens {
				require.ErrorIs(t, err, ErrBeyondHelp)
				require.Empty(t, x.plan.patches)
				return
			}
			require.NoError(t, err)
			require.Equal(t, Hybrid, x.result.Found)
			for _, p := range x.plan.patches {
				_, err = f.WriteAt(p.b, p.at)
				require.NoError(t, err)
			}
			free, err := isobmff.ReadHeader(f, ftyp, sizeBytes)
			require.NoError(t, err)
			require.True(t, free.Is("free"))
			require.Equal(t, int64(16+skipped), free.SizeBytes)
			again := newDamagedFile(sparseFile{f: f}, x.plan.lengthBytes)
			require.NoError(t, again.inspect(), "the patched file")
			require.Equal(t, Fragmented, again.result.Found)
		})
	}
}
