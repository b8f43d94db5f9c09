package e2e

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// carriage is how a codec is published by a protocol.
type carriage struct {
	by   string // who publishes; empty: see not
	not  string // why it cannot be published
	send func(t *testing.T, c coded, source, to string) sender
}

// The reasons why a codec has no test with a protocol.
const (
	noFLV       = "RTMP has no form of it"
	noTS        = "MPEG-TS has no form of it that encoders use"
	noWebRTC    = "WebRTC has no form of it"
	byBytes     = "No client sends it: the tests of package rtmp send it byte by byte"
	globalHeads = "ffmpeg leaves its headers out when it copies: the tests of package mpegts read it from an encoder"
	noPayload   = "RTP has no form of it"
	sameInside  = "MPEG-TS is inside, as over UDP"
)

var (
	byFFmpegFLV = carriage{by: "ffmpeg", send: ffmpegTo("-f", "flv")}
	byFFmpegTS  = carriage{by: "ffmpeg", send: ffmpegTo("-f", "mpegts")}
	byGortmplib = carriage{by: "gortmplib", send: publishEnhanced}
	byPion      = carriage{by: "pion", send: publishWHIP}
)

// ffmpegTo returns a publisher that copies all tracks in real time, in a format.
func ffmpegTo(format ...string) func(t *testing.T, c coded, source, to string) sender {
	return func(t *testing.T, _ coded, source, to string) sender {
		return publishBy(t, slices.Concat([]string{"-re", "-i", source, "-map", "0", "-c", "copy"}, format, []string{to})...)
	}
}

// protocols lists the protocols besides RTSP, for which see codecs.
var protocols = []string{"rtmp", "srt", "udp", "whip"}

// carried has a row for each codec, with a carriage for each of protocols.
var carried = []struct {
	codec string
	by    [4]carriage
}{
	{"h264", [4]carriage{byFFmpegFLV, byFFmpegTS, byFFmpegTS, byPion}},
	{"h265", [4]carriage{byGortmplib, {not: sameInside}, byFFmpegTS, byPion}},
	{"vp9", [4]carriage{byGortmplib, {not: noTS}, {not: noTS}, byPion}},
	{"av1", [4]carriage{byGortmplib, {not: noTS}, {not: noTS}, byPion}},
	{"mpeg4", [4]carriage{{not: noFLV}, {not: globalHeads}, {not: globalHeads}, {not: noWebRTC}}},
	{"aac", [4]carriage{byFFmpegFLV, byFFmpegTS, byFFmpegTS, {not: noWebRTC}}},
	{"opus", [4]carriage{byGortmplib, byFFmpegTS, byFFmpegTS, byPion}},
	{"mp3", [4]carriage{{not: "FLV has no MP3 of 48 kHz: the tests of RTMP record 44.1 kHz"}, {not: sameInside}, byFFmpegTS, {not: noWebRTC}}},
	{"ac-3", [4]carriage{byGortmplib, {not: sameInside}, byFFmpegTS, {not: noWebRTC}}},
	{"e-ac-3", [4]carriage{{not: byBytes}, {not: sameInside}, byFFmpegTS, {not: noWebRTC}}},
	{"flac", [4]carriage{byGortmplib, {not: noTS}, {not: noTS}, {not: noWebRTC}}},
	{"mulaw", [4]carriage{{not: byBytes}, {not: noTS}, {not: noTS}, byPion}},
}

// codecNamed returns the row of codecs with a name.
func codecNamed(name string) coded {
	return codecs[slices.IndexFunc(codecs, func(c coded) bool { return c.name == name })]
}

// Each protocol brings each codec that it has, and both forms of files record it: packet by packet, at its time. A stream with
// pictures and sound keeps the time between them to a millisecond.
func TestEachProtocolBringsEachCodec(t *testing.T) {
	t.Parallel()
	rtmp, srt := somePort(), srtAddress(t)
	ports, inputs := map[string]int{}, []string{}
	streams := "streams:\n"
	for _, row := range carried {
		ports[row.codec] = freeUDP(t)
		inputs = append(inputs, fmt.Sprintf("{path: udp/%s, url: 'udp://127.0.0.1:%d'}", row.codec, ports[row.codec]))
		for _, p := range protocols {
			streams += fmt.Sprintf("  %s/%s: {%s}\n", p, row.codec, codecNamed(row.codec).settings)
		}
	}
	r := serve(t, fmt.Sprintf(`
ingest:
  rtmp: {listen: "127.0.0.1:%d"}
  srt: {listen: "%s"}
  mpegts: {read_timeout: 3s, inputs: [%s]}
%s%s`, rtmp, srt, strings.Join(inputs, ", "), strings.ReplaceAll(bothForms, "RECORD", "always"), streams))
	to := map[string]func(codec string) string{
		"rtmp": func(codec string) string { return fmt.Sprintf("rtmp://127.0.0.1:%d/rtmp/%s", rtmp, codec) },
		"srt":  func(codec string) string { return "srt://" + srt + "?streamid=publish:srt/" + codec },
		"udp":  func(codec string) string { return fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", ports[codec]) },
		"whip": func(codec string) string { return r.api + "/whip/whip/" + codec },
	}
	for _, row := range carried {
		for i, p := range protocols {
			if row.by[i].send == nil {
				continue
			}
			t.Run(p+"/"+row.codec, func(t *testing.T) {
				t.Parallel()
				c, r := codecNamed(row.codec), r.of(t)
				source := c.source(t, shortClip)
				publisher := row.by[i].send(t, c, source, to[p](row.codec))
				publisher.finish()
				if late, is := publisher.(*paced); is && late.leave != nil {
					eventually(t, "all units have come", func() bool { return r.stream(p+"/"+row.codec).AccessUnits >= uint64(late.units) })
					late.leave()
				}
				kinds := []string{c.kind}
				if !c.alone && row.by[i].by == "ffmpeg" {
					kinds = []string{"v", "a"}
				}
				for fragment, file := range r.formsOf(p + "/" + row.codec) {
					t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) { c.arrived(t, file, source, kinds, row.by[i].by == "gortmplib" || p == "rtmp") })
				}
				require.Empty(t, r.stream(p+"/"+row.codec).Drops)
			})
		}
	}
}

// arrived requires that a file has the tracks of a source, from the first to the last packet. millis says that the protocol's
// times are in milliseconds.
func (c coded) arrived(t *testing.T, file, source string, kinds []string, millis bool) {
	t.Helper()
	var shifts []float64
	for _, kind := range kinds {
		if kind == c.kind && c.compare != nil {
			c.compare(t, file, source)
			continue
		}
		compare := same
		if millis {
			compare = sameToMilliseconds
		}
		m := compare(t, file, source, kind)
		least := len(probe(t, source, kind).packets)
		if kind == "a" { // that before the first picture is not recorded
			least -= least / 10
		}
		require.GreaterOrEqual(t, m.count, least, "%s packets", kind)
		shifts = append(shifts, m.shift)
	}
	require.True(t, len(shifts) < 2 || math.Abs(shifts[0]-shifts[1]) <= 1, "ms between the tracks: %v", shifts)
	c.decodes(t, file)
}

// The README of the ways in has the table of what the tests record.
func TestTheTableOfTheReadme(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	notes := []string{}
	b.WriteString("| codec | RTSP | RTMP | SRT | MPEG-TS, UDP | WHIP |\n|---|---|---|---|---|---|\n")
	for _, row := range carried {
		rtsp := carriage{by: "ffmpeg"}
		if c := codecNamed(row.codec); c.without[byPush] != "" {
			rtsp = carriage{not: noPayload}
		} else if c.send != nil {
			rtsp.by = "gortsplib"
		}
		fmt.Fprintf(&b, "| %s |", row.codec)
		for _, how := range append([]carriage{rtsp}, row.by[:]...) {
			cell := how.by
			if cell == "" {
				at := slices.Index(notes, how.not)
				if at < 0 {
					at, notes = len(notes), append(notes, how.not)
				}
				cell = fmt.Sprintf("(%d)", at+1)
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for i, note := range notes {
		fmt.Fprintf(&b, "%d. %s.\n", i+1, note)
	}
	readme, err := os.ReadFile("../../../stages/ingest/README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), b.String(), "the table is now:\n%s", b.String())
}
