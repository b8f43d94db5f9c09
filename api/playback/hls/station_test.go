package hls

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

// station is a running recorder.
type station struct {
	t         testing.TB
	dir       string // of the recordings
	api, rtsp string // its addresses
}

// newStation starts a recorder whose catalogue has the files of a directory.
func newStation(t testing.TB, dir string, args ...string) *station {
	t.Helper()
	s := &station{t: t, dir: dir}
	require.NotContains(t, tool(t, program, "reindex", "--record-path", dir), "left alone")
	args = append([]string{
		"--record-path", dir, "--http-listen", "127.0.0.1:0", "--rtsp-listen", "127.0.0.1:0", "--set", "ingest/webrtc/listen=", "--log-format", "json",
		"--set", "streams={}",
		"--set", "ingest/rtsp/udp={rtp: 0, rtcp: 0}",
	}, args...)
	cmd := exec.Command(program, args...)
	cmd.Dir = t.TempDir()
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	ready := make(chan struct{})
	var log strings.Builder // read when the recorder has ended
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var l struct{ Msg, API, Address string }
			_ = json.Unmarshal(lines.Bytes(), &l) // a line of another form has no address
			log.WriteString(lines.Text() + "\n")
			switch {
			case strings.HasPrefix(l.Msg, "rtsp server listens"):
				s.rtsp = "rtsp://" + l.Address
			case strings.HasPrefix(l.Msg, "spool is ready"):
				s.api = l.API
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
		<-ended
		err := cmd.Wait()
		if t.Failed() || err != nil {
			t.Log(log.String())
		}
		require.NoError(t, err)
	})
	select {
	case <-ready:
	case <-ended:
		require.Fail(t, "spool has ended before it was ready")
	case <-time.After(patience):
		require.Fail(t, "spool is not ready")
	}
	return s
}

// get returns the answer to a request.
func (s *station) get(path string) (int, []byte) {
	s.t.Helper()
	resp, err := http.Get(s.api + path)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, body
}

// row is a recording in the catalogue.
type row struct {
	ID     string
	Stream string    `json:"stream_path"`
	File   string    `json:"file_path"`
	Start  time.Time `json:"start_time"`
	End    time.Time `json:"end_time"`
}

// rows returns the recordings, the oldest first.
func (s *station) rows() []row {
	s.t.Helper()
	code, body := s.get("/mp4/records?order=asc")
	require.Equal(s.t, http.StatusOK, code, "%s", body)
	var page struct{ Records []row }
	require.NoError(s.t, json.Unmarshal(body, &page))
	return page.Records
}

// rewritten makes, in a directory of recordings, a file like those that other programs make of recordings when they keep boxes that
// they do not know: an ordinary MP4 file of ffmpeg, with the entry of the recorder.
func rewritten(t testing.TB, dir string, args ...string) (file string) {
	t.Helper()
	file = filepath.Join(dir, fmt.Sprintf("made_%d.mp4", time.Now().UnixNano()))
	tool(t, "ffmpeg", append(append([]string{"-v", "error"}, args...), file)...)
	copied := filepath.Join(t.TempDir(), "remuxed.mp4")
	tool(t, program, "remux", file, copied)
	own, err := os.ReadFile(copied)
	require.NoError(t, err)
	var entry []byte
	moov := isobmff.Find(own, "moov")
	for boxes := isobmff.Walk(moov); boxes.Next(); {
		if boxes.IsUUID(entryUUID) {
			entry = hourAgo(moov[boxes.At : boxes.At+int(boxes.SizeBytes)])
		}
	}
	require.NotEmpty(t, entry)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var kinds []string
	boxes := isobmff.Walk(b)
	for boxes.Next() && !boxes.Is("moov") {
		kinds = append(kinds, boxes.Type.String())
	}
	require.Equal(t, []string{"ftyp", "free", "mdat"}, kinds)
	require.Equal(t, len(b), boxes.At+int(boxes.SizeBytes), "the moov is last, so that no offset changes")
	// ftyp free mdat moov, as the recorder writes them: the header of the mdat has 16 bytes, 8 of which a brand less in the ftyp gives.
	brands := binary.BigEndian.Uint32(b) - 8
	begin := binary.BigEndian.AppendUint32(nil, brands)
	begin = append(begin, b[4:brands]...)
	begin = append(begin, "\x00\x00\x00\x08free\x00\x00\x00\x01mdat"...)
	begin = binary.BigEndian.AppendUint64(begin, uint64(boxes.At-int(brands)-8))
	require.Len(t, begin, int(brands)+8+16)
	b = slices.Concat(begin, b[len(begin):], entry)
	binary.BigEndian.PutUint32(b[boxes.At:], uint32(boxes.SizeBytes)+uint32(len(entry)))
	require.NoError(t, os.WriteFile(file, b, 0o600))
	return file
}

// entryUUID is the type of the box with the entry: see package mp4.
const entryUUID = "\x8f\x3a\x5e\x60\x1d\xc7\x4e\x0b\xa2\x94\x6b\x71\xe5\x0d\x2c\x01"

// hourAgo changes the wall clock in an entry, which package mp4 draws, to an hour ago: the recording is over.
func hourAgo(entry []byte) []byte {
	sum := func(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
	outcome := entry[28:84]
	binary.BigEndian.PutUint64(outcome[32:], binary.BigEndian.Uint64(outcome[32:])-uint64(time.Hour))
	binary.BigEndian.PutUint32(outcome[52:], sum(outcome[:52]))
	identity := entry[92:][:binary.BigEndian.Uint32(entry[84:])]
	const field = `"start_utc_ns":`
	at := bytes.Index(identity, []byte(field)) + len(field)
	text := identity[at:][:bytes.IndexByte(identity[at:], ',')]
	begin, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		panic(err)
	}
	copy(text, strconv.FormatInt(begin-int64(time.Hour), 10)) // as many digits
	binary.BigEndian.PutUint32(entry[88:], sum(identity))
	return entry
}
