package rtsp

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
)

// talk is one connection whose requests a test writes by hand.
type talk struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
	n  int

	session string // from the answer to SETUP
	sdp     string // the announced description; empty: announceSDP
}

func dial(t *testing.T, addr string) *talk {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	return talkOn(t, c)
}

func talkOn(t *testing.T, c net.Conn) *talk {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	k := &talk{t: t, c: c, in: bufio.NewReader(c)}
	k.anew()
	return k
}

// anew restarts the deadline: of a thousand connections the first may be a minute old at its first request.
func (k *talk) anew() { _ = k.c.SetDeadline(time.Now().Add(deadline)) }

// write sends bytes unchanged.
func (k *talk) write(s string) error {
	_, err := k.c.Write([]byte(s))
	return err
}

// ask returns the status line of the answer, "closed" without one.
func (k *talk) ask(method, url string, headers ...string) string {
	k.t.Helper()
	k.anew()
	k.n++
	body := ""
	if method == "ANNOUNCE" {
		body = cmp.Or(k.sdp, announceSDP)
		headers = append(headers, "Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(body)))
	}
	_, err := fmt.Fprintf(k.c, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n%s", method, url, k.n, strings.Join(append(headers, ""), "\r\n"), body)
	var res base.Response
	if err != nil || res.Unmarshal(k.in) != nil {
		return "closed"
	}
	if s := res.Header["Session"]; len(s) > 0 {
		k.session, _, _ = strings.Cut(s[0], ";")
	}
	return fmt.Sprintf("%d %s", res.StatusCode, res.StatusMessage)
}

const setupTCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"

// publish announces one stream under three URLs, as clients make them, and returns the first answer that is no 200.
func (k *talk) publish(announce, setup, record string) string {
	k.t.Helper()
	for _, step := range [][]string{{"ANNOUNCE", announce}, {"SETUP", setup, setupTCP}} {
		if got := k.ask(step[0], step[1], step[2:]...); got != "200 OK" {
			return step[0] + ": " + got
		}
	}
	return k.record(record)
}

func (k *talk) record(url string) string {
	k.t.Helper()
	return "RECORD: " + k.ask("RECORD", url, "Session: "+k.session)
}

func TestOneStreamByManyURLs(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	u := "rtsp://" + addr
	for i, urls := range [][3]string{
		{"/live/cam%d", "/live/cam%d/streamid=0", "/live/cam%d"},
		{"/live/cam%d/", "/live/cam%d/streamid=0", "/live/cam%d/"},
		{"/live/cam%d/", "/live/cam%d//streamid=0", "/live/cam%d/"},
		{"//live/cam%d///", "//live/cam%d////streamid=0", "//live/cam%d"},
		{"/live/cam%d?user=x&pass=y", "/live/cam%d?user=x&pass=y/streamid=0", "/live/cam%d?user=x&pass=y/"},
		{"/live/cam%d/?user=x", "/live/cam%d/?user=x/streamid=0", "/live/cam%d/?user=x/"}, // ffmpeg's
		{"/live/cam%d/?user=x", "/live/cam%d/streamid=0?user=x", "/live/cam%d/?user=x"},
		{"/live/%%63am%d", "/live/%%63am%d/streamid=0", "/live/cam%d"},
	} {
		k := dial(t, addr)
		var made [3]any
		for n, url := range urls {
			made[n] = u + fmt.Sprintf(url, i)
		}
		require.Equal(t, "RECORD: 200 OK", k.publish(made[0].(string), made[1].(string), made[2].(string)), "%s", made)
		list := r.hub.List()
		require.Len(t, list, 1)
		require.Equal(t, fmt.Sprintf("live/cam%d", i), list[0].Path)
		_ = k.c.Close()
		eventually(t, "it is gone", func() bool { return len(r.hub.List()) == 0 })
	}
}

func TestRefusalsNameTheReason(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	u := "rtsp://" + addr + "/live/cam"
	require.Equal(t, "ANNOUNCE: 400 Bad Stream Path", dial(t, addr).publish("rtsp://"+addr+"/live//cam", u, u))
	require.Equal(t, "SETUP: 404 No Such Track Was Announced", dial(t, addr).publish(u, u+"/trackID=7", u))
	k := dial(t, addr)
	require.Equal(t, "200 OK", k.ask("ANNOUNCE", u))
	require.Equal(t, "400 Session Has Announced A Stream Already", k.ask("ANNOUNCE", u))
	k = dial(t, addr)
	require.Equal(t, "RECORD: 400 Announce, And Set Up Every Track That Was Announced", k.publish(u, u+"/streamid=0", u+"2"))
	require.Contains(t, r.book.String(), "live/cam/trackID=7")
}

func TestAnAnnounceAloneHoldsNoPath(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	u := "rtsp://" + addr + "/live/cam"
	first, second := dial(t, addr), dial(t, addr)
	require.Equal(t, "200 OK", first.ask("ANNOUNCE", u))
	require.Equal(t, "200 OK", first.ask("SETUP", u+"/streamid=0", setupTCP))
	require.Equal(t, "RECORD: 200 OK", second.publish(u, u+"/streamid=0", u))
	require.Equal(t, "RECORD: 403 Stream Has A Publisher Already", first.record(u))
}

func TestAConnectionPublishesAgain(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	u := "rtsp://" + addr + "/live/cam"
	k := dial(t, addr)
	for range 3 {
		require.Equal(t, "200 OK", k.ask("ANNOUNCE", u))
		require.Equal(t, "200 OK", k.ask("SETUP", u+"/streamid=0", setupTCP))
		require.Equal(t, "200 OK", k.ask("TEARDOWN", u, "Session: "+k.session))
	}
	require.Equal(t, "RECORD: 200 OK", k.publish(u, u+"/streamid=0", u))
}

// A camera lost its network and returns, while its old session is still open.
func TestASilentPublisherGivesItsPathUp(t *testing.T) {
	r := newFixture(t)
	clock := &ahead{Clock: pipeline.SystemClock}
	_, addr := r.serve(Config{ReadTimeout: 10 * deadline, Clock: clock})
	wait := r.record("one")
	f := film(t, clip(t, "h264", x264...), false)
	first := f.publish(t, "rtsp://"+addr+"/one", true, f.packets)
	defer first.Close()
	eventually(t, "the first one's media has come", func() bool { return r.info("one").AccessUnits == uint64(f.units) })
	clock.by.Store(int64(time.Minute)) // the newest arrival is a minute old
	second := &gortsplib.Client{Protocol: ptr(gortsplib.ProtocolTCP)}
	require.NoError(t, second.StartRecording("rtsp://"+addr+"/one", film(t, clip(t, "h264", x264...), false).description()))
	defer second.Close()
	require.EqualValues(t, endcause.Replaced, wait().end)
	eventually(t, "the first one is hung up on", func() bool { return strings.Contains(r.book.String(), `msg="publisher left"`) })
	require.Contains(t, r.book.String(), "it was silent")
}

func ptr[T any](v T) *T { return &v }
