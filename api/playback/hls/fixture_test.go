package hls

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// patience bounds a wait for an event that must happen.
const patience = 60 * time.Second

// workshop is a directory that all tests share; program is the built spool in it.
var workshop, program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "spool-hls-")
	if err == nil {
		workshop, program = dir, filepath.Join(dir, "spool")
		build := exec.Command("go", "build", "-trimpath", "-o", program, "github.com/gospool/spool/cmd/spool")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build, so that what that has compiled is used again
		err = build.Run()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir) // remaining files are in the temporary directory
	os.Exit(code)
}

// tool runs a program and returns its output.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	require.NoError(t, cmd.Run(), "%s %s\n%s", name, strings.Join(args, " "), &complaints)
	return out.String()
}

// look describes a clip.
type look struct {
	size     string // pixels, such as 320x180
	seconds  int
	gop      int // frames; 25 a second
	hue      int // degrees, by which the pictures of clips differ
	silent   bool
	fragment bool // the form of the file
	codec    string
	numbered bool // the pictures show their numbers
}

// film makes the file of a recording: pictures with B-frames, and sound.
func film(t testing.TB, l look) string {
	t.Helper()
	dir, err := os.MkdirTemp(workshop, "film-")
	require.NoError(t, err)
	in, out := filepath.Join(dir, "in.mp4"), filepath.Join(dir, "out.mp4")
	pictures := fmt.Sprintf("testsrc2=size=%s:rate=25:duration=%d,hue=h=%d", l.size, l.seconds, l.hue)
	if l.numbered {
		pictures += strip()
	}
	args := []string{"-v", "error", "-f", "lavfi", "-i", pictures}
	if !l.silent {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("sine=duration=%d:frequency=%d", l.seconds, 300+l.hue), "-c:a", "aac")
	}
	video := []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-keyint_min", fmt.Sprint(l.gop), "-sc_threshold", "0"}
	if l.codec == "libx265" {
		video = []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params", "bframes=2:log-level=error"}
	}
	tool(t, "ffmpeg", append(append(args, video...), "-g", fmt.Sprint(l.gop), "-pix_fmt", "yuv420p", in)...)
	remux := []string{"remux"}
	if l.fragment {
		remux = append(remux, "--fragment")
	}
	tool(t, program, append(remux, in, out)...)
	return out
}

// strip returns filters of ffmpeg for a strip of 16 cells along the top, black and white: the bits of the picture's number.
func strip() string {
	text := ",drawbox=w=iw:h=8:color=black:t=fill"
	for bit := range 10 {
		text += fmt.Sprintf(",drawbox=x=%d:w=8:h=8:color=white:t=fill:enable='mod(floor(n/%d),2)'", (15-bit)*8, 1<<bit)
	}
	return text
}

// shelf is a list of recordings that a server makes playlists of.
type shelf struct {
	t    testing.TB
	mu   sync.Mutex // guards list, dirs and maps: a request may last longer than its client
	list Playlist
	url  string // address of the multivariant playlist
	dirs []string
	maps []*Mapped
}

// epoch is the wall clock of the first recording.
var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).UnixNano()

// newShelf returns a server of an empty playlist.
func newShelf(t testing.TB) *shelf {
	s := &shelf{t: t, list: Playlist{SegmentNS: int64(4 * time.Second), Ended: true}}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.url = server.URL + "/index.m3u8"
	return s
}

// mapped maps a file that is finished.
func mapped(t testing.TB, file string) *Mapped {
	t.Helper()
	dir, name := filepath.Split(file)
	library := clip.Library{
		Files: playback.NewDir(dir, nil), Indexes: sampleindex.In(dir), Belongs: func(*os.File, string, media.ID) error { return nil },
	}
	r, err := library.Open(media.NewID(time.Now()), name)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	m, err := Map(r, true)
	require.NoError(t, err)
	quick, err := Map(r, false)
	require.NoError(t, err)
	require.Equal(t, m, quick, "the boxes before a chunk are as long as is usual")
	return m
}

// change changes the playlist.
func (s *shelf) change(edit func(*Playlist)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.list)
}

// add adds a file, whose media begins at a wall clock in ns after the epoch.
func (s *shelf) add(file string, atNS int64) {
	s.t.Helper()
	m := mapped(s.t, file)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maps = append(s.maps, m)
	n := len(s.dirs)
	s.dirs = append(s.dirs, file)
	s.list.Parts = append(s.list.Parts, Part{
		Load: func() (*Mapped, error) { return m, nil }, Span: Span{ToNS: 1 << 60}, URI: fmt.Sprintf("file/%d.mp4", n), InitURI: fmt.Sprintf("init/%d.mp4", n),
		UTC: func(ns int64) int64 { return epoch + atNS + ns },
	})
}

func (s *shelf) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	asked := s.list
	asked.Parts = slices.Clone(asked.Parts)
	dirs, maps := s.dirs, s.maps
	s.mu.Unlock()
	n := 0
	_, numbered := fmt.Sscanf(filepath.Base(r.URL.Path), "%d.mp4", &n)
	list := func(write func() error) {
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		_ = write() // the client is gone
	}
	switch {
	case r.URL.Path == "/index.m3u8":
		list(func() error { return asked.WriteMaster(w, "media.m3u8", "iframes.m3u8") })
	case r.URL.Path == "/media.m3u8":
		list(func() error { return asked.WriteMedia(w) })
	case r.URL.Path == "/iframes.m3u8":
		list(func() error { return asked.WriteKeys(w) })
	case numbered == nil && n < len(dirs) && strings.HasPrefix(r.URL.Path, "/file/"):
		http.ServeFile(w, r, dirs[n])
	case numbered == nil && n < len(dirs):
		f, err := os.Open(dirs[n])
		require.NoError(s.t, err)
		defer f.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(maps[n].Init.Reader(f))
		require.NoError(s.t, err)
		http.ServeContent(w, r, "init.mp4", time.Time{}, bytes.NewReader(b.Bytes()))
	default:
		http.NotFound(w, r)
	}
}
