package mp4

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// shortFS is a file system with a limit on the size of files.
type shortFS struct {
	disk.FS
	most  int64
	tells bool // it reports the limit
}

func (d shortFS) Create(name string) (disk.File, error) {
	f, err := d.FS.Create(name)
	if err != nil {
		return nil, err
	}
	if d.tells {
		return tellingFile{shortFile{f, d.most}}, nil
	}
	return shortFile{f, d.most}, nil
}

type shortFile struct {
	disk.File
	most int64
}

type tellingFile struct{ shortFile }

func (f tellingFile) MaxBytes() int64 { return f.most }

func (f shortFile) WriteAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.most {
		return 0, unix.EFBIG
	}
	return f.File.WriteAt(b, off)
}

func (f shortFile) WritevAt(bufs [][]byte, off int64) error {
	n := off
	for _, b := range bufs {
		n += int64(len(b))
	}
	if n > f.most {
		return unix.EFBIG
	}
	return f.File.WritevAt(bufs, off)
}

// TestFilesEndBeforeTheyAreTooLong checks that a file ends before it reaches the limit of the file
// system, and that the next one begins with the next key frame without a gap. If the file system does
// not report the limit, the first file finds it.
func TestFilesEndBeforeTheyAreTooLong(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	for name, tells := range map[string]bool{"told": true, "found out": false} {
		for form, as := range forms {
			t.Run(name+", "+form, func(t *testing.T) {
				gop := 60 // two chunks, the second of which would be missing in a file that failed
				if !tells {
					gop = 30
				}
				pool, cfg := media.NewCheckedPool(), Defaults()
				cfg.Fragment = as.fragment
				s := newSession(t, cfg, func(d disk.FS) disk.FS { return shortFS{d, most, tells} })
				if as.tail {
					s.reserve = func(*media.Segment, Config) int64 { return 0 }
				}
				set, chunks := synthetic{fps: 30, gop: gop, picture: 4000, sound: true, constantFrame: true, flush: time.Second, chunks: 14}.make(t, pool)
				want, got := 0, 0
				for _, c := range chunks {
					want += c.AccessUnits()
				}
				s.write(t, pool, segment(set, 1), chunks)

				files, last := 0, int64(0)
				for _, r := range s.told {
					if r.State != media.StateFinished {
						continue
					}
					files++
					require.LessOrEqual(t, r.SizeBytes, int64(most))
					require.True(t, r.Gap.None(), "%v", r.Gap)
					if last != 0 {
						require.InDelta(t, r.StartUTC, last, 1024*float64(time.Second)/48000, "but for one frame of sound that is longer than the pictures")
					}
					last = r.EndUTC
					found := probeBoxes(t, s.path(r))
					for i := range found.Streams {
						got += len(found.of(i))
					}
				}
				require.Greater(t, files, 2)
				require.Equal(t, want, got)
			})
		}
	}
}
