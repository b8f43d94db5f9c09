package rtsp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

func TestParameterSetsThatComeInTheStreamOnly(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	file := clip(t, "h264", x264...)
	f := film(t, file, true)
	wait := r.record("inband")
	c := f.publish(t, "rtsp://"+addr+"/inband", true, f.packets)
	eventually(t, "all units have come", func() bool { return r.info("inband").AccessUnits == uint64(f.units) })
	c.Close()
	got := wait()
	require.Len(t, got.sets, 1, "repeated parameter sets do not cut")
	require.Equal(t, [][]byte{f.sps, f.pps}, got.sets[0].Tracks[0].ParameterSets)
	compare(t, file, codec.H264, got, 0) // delimiters and repeats are gone: the payloads are the file's
}

func TestTracksWithoutReportsAreAlignedByArrival(t *testing.T) {
	r := newFixture(t)
	still := &standing{Clock: pipeline.SystemClock, at: time.Now()}
	clock := &ahead{Clock: still} // all packets sent at once arrive at once
	s, addr := r.serve(Config{Clock: clock, ReadTimeout: 10 * deadline})
	file := clip(t, "h264", x264...)
	f := film(t, file, false)
	wait := r.record("noreports")
	c := f.publish(t, "rtsp://"+addr+"/noreports", false, f.packets)
	sent := 0
	for _, p := range f.packets {
		sent += p.pkt.MarshalSize()
	}
	eventually(t, "all has arrived", func() bool { return s.clients.List()[0].Bytes >= uint64(sent) })
	more := *f.packets[len(f.packets)-1].pkt
	eventually(t, "the hold ends while sound goes on", func() bool {
		clock.by.Add(int64(time.Second) * 1024 / 48000)
		more.SequenceNumber++
		more.Timestamp += 1024
		require.NoError(t, c.WritePacketRTP(&f.audio, &more))
		return r.info("noreports").AccessUnits >= uint64(f.units)
	})
	c.Close()
	got := wait()
	require.Equal(t, 100, len(got.units[codec.H264]))
	require.Contains(t, r.book.String(), "by=arrival")
	apart := media.ToNanos(got.units[codec.AAC][0].pts, 48000) - media.ToNanos(got.units[codec.H264][0].pts, 90000)
	video, vscale := probe(t, file, "v")
	audio, ascale := probe(t, file, "a")
	want := media.ToNanos(audio[0].pts, ascale) - media.ToNanos(video[0].pts, vscale)
	require.InDelta(t, want, apart, 100e6, "tracks that arrive together stay together")
	require.Empty(t, r.losses("noreports"))
}

// standing is a clock that stands still.
type standing struct {
	pipeline.Clock
	at time.Time
}

func (s *standing) Now() time.Time { return s.at }

func TestAPublisherThatIsKilledAndComesBack(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	file := clip(t, "h264", x264...)
	for range 2 {
		wait := r.record("cam/1")
		cmd := exec.Command("ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-i", file, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+addr+"/cam/1")
		before := r.info("cam/1").AccessUnits
		require.NoError(t, cmd.Start())
		eventually(t, "media flows", func() bool { return r.info("cam/1").AccessUnits > before+30 })
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		got := wait()
		require.EqualValues(t, endcause.SourceLost, got.end)
		require.True(t, got.units[codec.H264][0].sync)
	}
}

func TestAResolutionChangeCutsAtItsKeyFrame(t *testing.T) {
	dir := t.TempDir()
	var list string
	for i, size := range []string{"320x180", "640x360"} {
		part := filepath.Join(dir, fmt.Sprintf("%d.ts", i))
		ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=25:duration=2", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p", part)
		list += "file " + part + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "list"), []byte(list), 0o600))
	r := newFixture(t)
	_, addr := r.serve(Config{})
	wait := r.record("sizes")
	ffmpeg(t, "-f", "concat", "-safe", "0", "-i", filepath.Join(dir, "list"), "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+addr+"/sizes")
	got := wait()
	require.Len(t, got.sets, 2)
	require.Equal(t, []int{320, 640}, []int{got.sets[0].Tracks[0].Width, got.sets[1].Tracks[0].Width})
	units := got.units[codec.H264]
	require.Equal(t, 100, len(units))
	for i, u := range units {
		set := got.sets[min(i/50, 1)]
		require.Equal(t, set.Generation, u.gen, "unit %d", i)
		require.Equal(t, i%25 == 0, u.sync, "unit %d", i)
	}
}

func TestASecondPublisherIsRefused(t *testing.T) {
	r := newFixture(t)
	clock := &ahead{Clock: pipeline.SystemClock}
	clock.by.Store(int64(time.Hour)) // the first one is never silent, however long the second takes to ask
	_, addr := r.serve(Config{Clock: clock})
	file := clip(t, "h264", x264...)
	f, other := film(t, file, false), film(t, file, false)
	first := f.publish(t, "rtsp://"+addr+"/one", true, f.packets)
	defer first.Close()
	eventually(t, "the first one's media has come", func() bool { return r.info("one").AccessUnits == uint64(f.units) })
	second := gortsplib.Client{}
	err := second.StartRecording("rtsp://"+addr+"/one", other.description())
	var status liberrors.ErrClientBadStatusCode
	require.ErrorAs(t, err, &status)
	require.Equal(t, base.StatusForbidden, status.Code)
	require.Equal(t, "Stream Has A Publisher Already", status.Message)
	require.Contains(t, r.book.String(), "the path already has a publisher: rtsp 127.0.0.1:")
}

func TestASecondPublisherTakesOverWhereAllowed(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{OverridePublisher: true})
	file := clip(t, "h264", x264...)
	wait := r.record("one")
	a, b := film(t, file, false), film(t, file, false)
	first := a.publish(t, "rtsp://"+addr+"/one", true, a.packets)
	defer first.Close()
	eventually(t, "the first one's media has come", func() bool { return r.info("one").AccessUnits == uint64(a.units) })
	second := b.publish(t, "rtsp://"+addr+"/one", true, b.packets)
	defer second.Close()
	require.EqualValues(t, endcause.Replaced, wait().end)
	eventually(t, "the second one's media has come", func() bool { return r.info("one").AccessUnits == uint64(a.units+b.units) })
	require.NoError(t, first.WritePacketRTP(&a.video, a.packets[0].pkt)) // the next packet shows the old one out
	require.Error(t, first.Wait())
}

func TestAnUnsupportedCodecIsReportedOnceAndTheOtherTracksGoOn(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	file := clip(t, "h264+vorbis", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "libvorbis")
	wait := r.record("mixed")
	ffmpeg(t, "-i", file, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+addr+"/mixed")
	got := wait()
	want, _ := probe(t, file, "v")
	compareTrack(t, want, got.units[codec.H264], 12800, 90000)
	require.Equal(t, 1, strings.Count(r.book.String(), "codec is not supported"))
	require.Contains(t, r.book.String(), "codec=vorbis")
	require.Empty(t, r.losses("mixed"), "a track that is left out is no lost access unit")
}

func TestNothingToRecordIsRefused(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	desc := &description.Session{Medias: []*description.Media{{Type: description.MediaTypeAudio, Formats: []format.Format{&format.Speex{PayloadTyp: 96, SampleRate: 16000}}}}}
	err := (&gortsplib.Client{}).StartRecording("rtsp://"+addr+"/speex", desc)
	var status liberrors.ErrClientBadStatusCode
	require.ErrorAs(t, err, &status)
	require.Equal(t, base.StatusUnsupportedMediaType, status.Code)
}

// exchange sends raw requests and returns the status line of each answer.
func exchange(t *testing.T, addr string, requests ...string) (status []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(deadline)))
	in := bufio.NewReader(c)
	for _, q := range requests {
		_, err := c.Write([]byte(q))
		require.NoError(t, err)
		var res base.Response
		if err := res.Unmarshal(in); err != nil {
			return append(status, "closed")
		}
		status = append(status, fmt.Sprintf("%d %s", res.StatusCode, res.StatusMessage))
	}
	return status
}

const announceSDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n"

func announce(url string) string {
	return fmt.Sprintf("ANNOUNCE %s RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", url, len(announceSDP), announceSDP)
}

func TestHostilePathsAreRefused(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	for _, path := range []string{
		"", "/", "//", "/../etc", "/a/../../b", "/a/./b", "/a//b", "/%2e%2e/x", "/a%2f..%2fb", "/a%00b", "/a%0ab", "/%ff%fe", `/a\b`,
		"/" + strings.Repeat("x", 600), "/a/" + strings.Repeat("b/", 300) + "c",
	} {
		got := exchange(t, addr, announce("rtsp://"+addr+path))
		require.True(t, strings.HasPrefix(got[0], "400") || got[0] == "closed", "%q: %s", path, got)
	}
	require.Empty(t, r.hub.List(), "nothing was published")
	require.Equal(t, []string{"200 OK"}, exchange(t, addr, announce("rtsp://"+addr+"/a/b/c/d/")), "any number of slashes")
}

func TestNothingIsPlayed(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	require.Equal(t, []string{
		"404 Streams Are Not Played Here",
		"405 Streams Are Not Played Here",
	}, exchange(t, addr,
		"DESCRIBE rtsp://"+addr+"/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"SETUP rtsp://"+addr+"/x/trackID=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"))
}

func TestAuthorizeIsCalled(t *testing.T) {
	r := newFixture(t)
	var asked []string
	_, addr := r.serve(Config{Authorizer: asks(func(_ context.Context, q ingest.AccessRequest) error {
		asked = append(asked, strings.Join([]string{q.Credentials.Name, q.Credentials.Password, q.Path, string(q.Action), q.Protocol}, " "))
		if q.Credentials != (ingest.Credentials{Name: "cam", Password: "hunter2"}) {
			return errors.New("wrong")
		}
		return nil
	})})
	f := film(t, clip(t, "h264", x264...), false)
	require.Error(t, (&gortsplib.Client{}).StartRecording("rtsp://cam:wr0ngpass@"+addr+"/x", f.description()))
	c := f.publish(t, "rtsp://cam:hunter2@"+addr+"/x", true, nil)
	c.Close()
	require.Equal(t, []string{"  x publish rtsp", "cam wr0ngpass x publish rtsp", "  x publish rtsp", "cam hunter2 x publish rtsp"}, asked)
	r.showsNo("wr0ngpass", "hunter2")
}

func TestMorePublicationsThanAllowedAreRefused(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{MaxSessions: 1})
	f := film(t, clip(t, "h264", x264...), false)
	first := f.publish(t, "rtsp://"+addr+"/1", true, nil)
	require.Equal(t, "503 Service Unavailable", exchange(t, addr, announce("rtsp://"+addr+"/2"))[0])
	first.Close()
	eventually(t, "there is room again", func() bool {
		return exchange(t, addr, announce("rtsp://"+addr+"/2"))[0] == "200 OK"
	})
}

func TestGarbageDoesNotHarmTheOthers(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	f := film(t, clip(t, "h264", x264...), false)
	wait := r.record("good")
	c := f.publish(t, "rtsp://"+addr+"/good", true, f.packets)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		noise := make([]byte, 4096)
		for j := range noise {
			noise[j] = byte(rnd.Uint32())
		}
		g, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		if i%2 == 0 {
			_, _ = g.Write([]byte("ANNOUNCE rtsp://" + addr + "/g RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n"))
		}
		_, _ = g.Write(noise)
		_ = g.Close()
	}
	eventually(t, "all units have come", func() bool { return r.info("good").AccessUnits == uint64(f.units) })
	c.Close()
	compare(t, clip(t, "h264", x264...), codec.H264, wait(), 0)
}

// TestLostPacketsAreCountedAndDamagedPicturesLeftOut removes packets from the middle, the beginning and the end of
// pictures.
func TestLostPacketsAreCountedAndDamagedPicturesLeftOut(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	f := film(t, clip(t, "h264", x264...), false)
	var kept []footagePacket
	lost, hit, n := 0, map[uint32]bool{}, 0
	for _, p := range f.packets {
		if p.media == &f.video {
			if n++; n%37 == 20 {
				lost++
				hit[p.pkt.Timestamp] = true
				continue
			}
		}
		kept = append(kept, p)
	}
	require.Greater(t, lost, 3)
	wait := r.record("lossy")
	c := f.publish(t, "rtsp://"+addr+"/lossy", true, kept)
	eventually(t, "the rest has come", func() bool { return r.info("lossy").AccessUnits == uint64(f.units-len(hit)) })
	c.Close()
	got := wait()
	require.EqualValues(t, lost, r.losses("lossy")["rtp_loss"])
	whole, _ := probe(t, clip(t, "h264", x264...), "v")
	intact := map[string]bool{}
	for _, p := range whole {
		intact[p.hash] = true
	}
	for _, u := range got.units[codec.H264] {
		require.True(t, intact[u.hash], "no picture is stored in part")
	}
}

func TestATakenUDPPortLeavesTCP(t *testing.T) {
	ports := freeUDPPair(t)
	pc, err := net.ListenPacket("udp", loopback(ports.RTCP))
	require.NoError(t, err)
	defer pc.Close()
	r := newFixture(t)
	s, addr := r.serve(Config{UDP: ports})
	require.False(t, s.UDP())
	require.Contains(t, r.book.String(), "publishers must use TCP")
	f := film(t, clip(t, "h264", x264...), false)
	f.publish(t, "rtsp://"+addr+"/x", true, nil).Close()
}

func TestAStopOfTheServerEndsPublicationsInOrder(t *testing.T) {
	r := newFixture(t)
	s := New(Config{Listen: "127.0.0.1:0"}, r.hub, r.log)
	stop := r.tasks.Go("rtsp", s.Run)
	<-s.Ready()
	f := film(t, clip(t, "h264", x264...), false)
	wait := r.record("x")
	c := f.publish(t, "rtsp://"+s.Addr().String()+"/x", true, f.packets)
	defer c.Close()
	eventually(t, "all units have come", func() bool { return r.info("x").AccessUnits == uint64(f.units) })
	stop()
	got := wait()
	require.EqualValues(t, endcause.Shutdown, got.end)
	require.Equal(t, f.units, len(got.units[codec.H264])+len(got.units[codec.AAC]))
	require.NotContains(t, r.book.String(), "task failed")
}

// TestAPanicOverOneStreamEndsThatStreamOnly breaks a publication from inside.
func TestAPanicOverOneStreamEndsThatStreamOnly(t *testing.T) {
	r := newFixture(t)
	clock := &badClock{Clock: pipeline.SystemClock}
	_, addr := r.serve(Config{Clock: clock})
	f := film(t, clip(t, "h264", x264...), false)
	wait := r.record("x")
	c := f.publish(t, "rtsp://"+addr+"/x", true, nil)
	clock.broken.Store(true)
	_ = c.WritePacketRTP(&f.video, f.packets[0].pkt) // fails if a sender report was stamped before it
	require.Error(t, c.Wait(), "it was hung up on")
	clock.broken.Store(false)
	r.hub.Close()
	wait()
	require.Contains(t, r.book.String(), "panic in ingest")
	require.Equal(t, []string{"200 OK"}, exchange(t, addr, "OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
}

// badClock fails when packets are stamped.
type badClock struct {
	pipeline.Clock
	broken atomic.Bool
}

// Now panics while the clock is broken.
func (c *badClock) Now() time.Time {
	if c.broken.Load() {
		panic("broken")
	}
	return c.Clock.Now()
}

func TestAnAddressThatIsTakenIsAnErrorOfRun(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	r := newFixture(t)
	err = New(Config{Listen: ln.Addr().String()}, r.hub, r.log).Run(context.Background())
	require.ErrorContains(t, err, "rtsp server: ingest.rtsp.listen: listen on "+ln.Addr().String())
	require.NoError(t, New(Config{}, r.hub, r.log).Run(context.Background()), "no address: off")
}

// TestAJumpOfTheSendersClockLosesNothing restarts RTP time in the middle.
func TestAJumpOfTheSendersClockLosesNothing(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	f := film(t, clip(t, "h264", x264...), false)
	keys := 0
	for i, p := range f.packets { // from the third key frame on, an hour later
		if p.media == &f.video && startsKey(p.pkt) {
			keys++
		}
		if keys >= 3 {
			rate := uint32(90000)
			if p.media == &f.audio {
				rate = 48000
			}
			f.packets[i].pkt.Timestamp += 3600 * rate
		}
	}
	wait := r.record("jump")
	c := f.publish(t, "rtsp://"+addr+"/jump", true, f.packets)
	eventually(t, "all units have come", func() bool { return r.info("jump").AccessUnits == uint64(f.units) })
	c.Close()
	got := wait()
	units := got.units[codec.H264]
	require.Equal(t, 100, len(units))
	for i := 1; i < len(units); i++ {
		require.Less(t, units[i].dts-units[i-1].dts, int64(90000), "unit %d: no sample of an hour", i)
	}
}

func startsKey(p *rtp.Packet) bool {
	return p.Payload[0]&0x1f == 5 || p.Payload[0]&0x1f == 28 && p.Payload[1]&0x9f == 0x85
}
