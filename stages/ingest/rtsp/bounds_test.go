package rtsp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtp"
)

const aSection = "m=video 0 RTP/AVP 96\r\n"

func lines(n int, form string) string {
	var out strings.Builder
	for i := range n {
		if strings.Contains(form, "%") {
			fmt.Fprintf(&out, form, i)
		} else {
			out.WriteString(form)
		}
	}
	return out.String()
}

func TestAbsurdDescriptionsAreRefused(t *testing.T) {
	formats := func(n int) string { return "m=audio 0 RTP/AVP" + lines(n, " %d") + "\r\n" }
	for name, c := range map[string]struct{ most, more, err string }{
		"bytes":      {aSection + strings.Repeat("x", 16<<10-len(aSection)), aSection + strings.Repeat("x", 16<<10-len(aSection)+1), "session description of 16385 bytes: 16384 is the most"},
		"NULs":       {"", aSection + strings.Repeat("\x00", 19<<20), "session description of 19922966 bytes"},
		"sections":   {lines(32, aSection), lines(33, aSection), "line 33: more than 32 media sections"},
		"formats":    {formats(32), formats(33), "line 1: more than 32 formats in a media section"},
		"repeated":   {"", "m=audio 0 RTP/AVP" + lines(4000, " 96"), "line 1: more than 32 formats in a media section"},
		"unlisted":   {formats(1) + lines(32, "a=rtpmap:%d x/90000\r\n"), formats(1) + lines(33, "a=rtpmap:%d x/90000\r\n"), "line 34: more than 32 formats in a media section"},
		"in all":     {lines(4, formats(32)), lines(4, formats(32)) + aSection, "line 5: more than 128 formats"},
		"attributes": {aSection + lines(256, "a=x\r\n"), aSection + lines(257, "a=x\r\n"), "line 258: more than 256 attributes"},
		"in heads":   {lines(256, "a=x\r\n") + aSection, lines(257, "a=x\r\n") + aSection, "line 257: more than 256 attributes"},
		"none":       {aSection, "v=0\r\n", "without a media section (m=)"},
		"nothing":    {"m=", "", "without a media section (m=)"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.most != "" {
				offered(rtp.Options{}).sort(read(t, c.most))
			}
			_, err := readable([]byte(c.more))
			require.ErrorContains(t, err, c.err)
		})
	}
}

// hostile are descriptions that grow with n, one for each way to grow.
var hostile = map[string]func(n int) string{
	"payload types":  func(n int) string { return "m=video 0 RTP/AVP" + lines(n, " 96") + "\r\na=rtpmap:96 AAC/zz" },
	"sections":       func(n int) string { return lines(n, aSection) },
	"empty sections": func(n int) string { return lines(n, "m=\n") },
	"attributes":     func(n int) string { return aSection + lines(n, "a=a\n") },
	"rtpmaps":        func(n int) string { return aSection + lines(n, "a=rtpmap:96 H264/90000\n") },
	"fmtps":          func(n int) string { return aSection + lines(n, "a=fmtp:96 config=1190;mode=x\n") },
	"parameters":     func(n int) string { return aSection + "a=rtpmap:96 H264/90000\na=fmtp:96 " + lines(n, "config=1;") },
	"parameter sets": func(n int) string {
		return aSection + "a=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=" + lines(n, "Z0IA,")
	},
	"a long set": func(n int) string {
		return aSection + "a=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=" + lines(n, "AAAAAAAA")
	},
	"a long config": func(n int) string {
		return aSection + "a=rtpmap:96 mpeg4-generic/48000\na=fmtp:96 mode=AAC-hbr;config=1190" + lines(n, "00")
	},
	"a long line":    func(n int) string { return aSection + "a=" + lines(n, "aaaaaaaa") },
	"a long name":    func(n int) string { return aSection + "a=rtpmap:96 x-" + lines(n, "x-x-x-x-") },
	"a long control": func(n int) string { return aSection + "a=control:" + lines(n, "/../../") },
	"blanks":         func(n int) string { return aSection + lines(n, "        ") },
	"line ends":      func(n int) string { return aSection + lines(n, "\r\r\n\n") },
	"lines":          func(n int) string { return aSection + lines(n, "b=AS:1\n") },
	"all at once": func(n int) string {
		return lines(n/16, "m=video 0 RTP/AVP 96 97 0 8\na=rtpmap:96 H264/90000\na=rtpmap:97 x/8000\na=fmtp:96 packetization-mode=0\na=control:t%d\n")
	},
}

// work returns the cost of reading a description and of all that a session does with it, in allocations and their
// bytes.
func work(sdp string) (allocations, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 20
	for range times {
		if out, err := readable([]byte(sdp)); err == nil {
			if d, err := readDescription(out); err == nil {
				announced(rtp.Options{}).sort(d, out)
			}
		}
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / times, (after.TotalAlloc - before.TotalAlloc) / times
}

// The cost of a description grows at most linearly, and is bounded.
func TestADescriptionTwiceAsLongCostsTwiceAsMuchAtMost(t *testing.T) {
	for name, sdp := range hostile {
		for n := 16; n <= 1<<16; n *= 2 {
			allocations, bytes := work(sdp(n))
			more, moreBytes := work(sdp(2 * n))
			require.LessOrEqual(t, more, 2*allocations+64, "%s: allocations for %d", name, 2*n)
			require.LessOrEqual(t, moreBytes, 2*bytes+(16<<10)+uint64(len(sdp(2*n))), "%s: bytes for %d", name, 2*n)
			require.LessOrEqual(t, more, uint64(20_000), "%s: allocations for %d", name, 2*n)
		}
	}
}

// A rewrite is at most as long as the original and the lines that each section and format needs.
func TestARewriteGrowsNothing(t *testing.T) {
	for name, sdp := range hostile {
		for n := 16; n <= 1<<12; n *= 2 {
			out, err := readable([]byte(sdp(n)))
			if err == nil {
				notGrown(t, []byte(sdp(n)), out, name)
			}
		}
	}
}

func notGrown(t *testing.T, sdp, out []byte, name string) {
	t.Helper()
	s, err := readText(out, canonicalBounds)
	require.NoError(t, err)
	most := len(sdp) + len(canonicalHead) + 64*len(s.sections) + 96*len(s.formats)
	require.LessOrEqual(t, len(out), most, name)
	require.LessOrEqual(t, len(out), canonicalBounds.bytes, name)
}

// FuzzReadable checks that a rewritten description reads as the original, that gortsplib reads it, and that it does
// not grow.
func FuzzReadable(f *testing.F) {
	for _, c := range cameras {
		f.Add([]byte(c.sdp))
	}
	for _, sdp := range hostile {
		f.Add([]byte(sdp(16)))
	}
	f.Add([]byte(sdpCamera))
	f.Fuzz(func(t *testing.T, sdp []byte) {
		out, err := readable(sdp)
		if err != nil {
			return
		}
		notGrown(t, sdp, out, "")
		was, err := readText(sdp, outsideBounds)
		require.NoError(t, err)
		again, err := readText(out, canonicalBounds)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again.canonical()))
		require.Equal(t, len(was.sections), len(again.sections))
		d, err := readDescription(out)
		require.NoError(t, err, "%s", out)
		require.Len(t, d.Medias, len(was.sections))
		for i, m := range d.Medias {
			require.Equal(t, was.sections[i].control, m.Control)
			require.False(t, m.IsBackChannel, "ANNOUNCE is refused for it")
			require.Len(t, m.Formats, was.sections[i].to-was.sections[i].from)
		}
		for _, o := range []sorting{offered(rtp.Options{}), announced(rtp.Options{KeepG711: true})} {
			take, _ := o.sort(d, out)
			for _, o := range take {
				require.NotZero(t, o.config.Track.Codec)
				require.NotZero(t, o.config.Track.Timescale)
			}
		}
	})
}
