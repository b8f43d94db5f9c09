package hls

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"

func TestPlaylistsThatAreCommonAreRead(t *testing.T) {
	_, m, err := parsePlaylist([]byte("\ufeff"+`#EXTM3U
#EXT-X-VERSION:99
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:1795986626748
#EXT-X-DISCONTINUITY-SEQUENCE:7
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=24
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-DATERANGE:ID="a,b",X-COM="x=y"
#EXT-X-PROGRAM-DATE-TIME:yesterday
#EXT-X-START:TIME-OFFSET=4,PRECISE=YES
#EXT-X-UNKNOWN
# a comment
#EXT-X-KEY:METHOD=AES-128,URI="k?a=1,2",IV=0x01
#EXT-X-MAP:URI="a.mp4",BYTERANGE="10@5"
#EXTINF:4.004,a title, with a comma
#EXT-X-BYTERANGE:100@10
one
#EXT-X-KEY:METHOD=NONE
#EXT-X-MAP:URI="b.mp4"
#EXT-X-DISCONTINUITY
#EXT-X-BYTERANGE:50
#EXTINF:4
one
#EXT-X-GAP
#EXTINF:4,
two`+"\r\n"+`#EXT-X-PART:DURATION=0.5,URI="p1",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI="p2",BYTERANGE=7@3
#EXT-X-PART:DURATION=0.5,URI="p2",BYTERANGE="8",GAP=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p3"
`), scope{})
	require.NoError(t, err)
	k := &key{"AES-128", "k?a=1,2", "0x01"}
	a, b := &section{"a.mp4", Range{5, 10}, k}, &section{uri: "b.mp4"}
	require.Equal(t, &list{
		target: 4 * time.Second, first: 1795986626748, blocks: true, partTarget: time.Second / 2, partHoldBack: 3 * time.Second / 2,
		segments: []segment{
			{uri: "one", of: Range{10, 100}, duration: 4004 * time.Millisecond, period: 7, init: a, key: k},
			{uri: "one", of: Range{110, 50}, duration: 4 * time.Second, period: 8, init: b},
			{uri: "two", duration: 4 * time.Second, period: 8, init: b, gap: true},
		},
		open: segment{period: 8, init: b, parts: []part{
			{uri: "p1", duration: time.Second / 2}, {uri: "p2", of: Range{3, 7}, duration: time.Second / 2}, {uri: "p2", of: Range{10, 8}, duration: time.Second / 2, gap: true},
		}},
	}, m)
	require.Equal(t, position{number: m.first + 3}, m.start(), "one and a half seconds before the end")
	m.ended = true
	require.Equal(t, position{number: m.first}, m.start())

	_, m, err = parsePlaylist([]byte(head+"#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-PART:DURATION=1,URI=\"p\"\n"), scope{})
	require.NoError(t, err, "a playlist that has just begun")
	require.Len(t, m.open.parts, 1)

	_, m, err = parsePlaylist([]byte(head+strings.Repeat("#EXTINF:4,\nx\n", 9)), scope{})
	require.NoError(t, err)
	require.Equal(t, position{number: 6}, m.start())
}

const define = "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n"

// many returns a line with the numbers below n.
func many(line string, n int) (all string) {
	for i := range n {
		all += fmt.Sprintf(line, i)
	}
	return all
}

// References to variables are replaced in URIs and in the values of attributes, by those of the lines before. Without variables
// they are text.
func TestVariables(t *testing.T) {
	at, err := url.Parse("http://h/list?token=a%2Fb&_HLS_msn=1")
	require.NoError(t, err)
	from := scope{at, map[string]string{"host": "example.com"}}
	_, m, err := parsePlaylist([]byte(head+`#EXTINF:1,
{$host}
#EXT-X-DEFINE:IMPORT="host"
#EXT-X-DEFINE:QUERYPARAM="token"
#EXT-X-DEFINE:NAME="path-1",VALUE="{$host}"
#EXT-X-KEY:METHOD=AES-128,URI="https://{$host}/k?{$token}"
#EXTINF:1,
https://{$host}/{$token}/{$path-1}{$
`), from)
	require.NoError(t, err)
	require.Equal(t, "{$host}", m.segments[0].uri)
	require.Equal(t, "https://example.com/a/b/{$host}{$", m.segments[1].uri)
	require.Equal(t, "https://example.com/k?a/b", m.segments[1].key.uri)
	_, _, err = parsePlaylist([]byte(head+"#EXT-X-DEFINE:IMPORT=\"other\"\n"), from)
	require.ErrorContains(t, err, `the multivariant playlist has no variable "other"`)
}

func TestPlaylistsThatAreWrongAreRefused(t *testing.T) {
	for says, text := range map[string]string{
		"it does not begin with #EXTM3U":          "#EXTM3UX\n",
		"neither variants nor a target duration":  "#EXTM3U\n",
		"of a multivariant playlist and":          head + "#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n",
		"line 3: a URI without EXTINF":            head + "x\n",
		"is no number of seconds":                 head + "#EXTINF:NaN\nx\n",
		"\"1e9\" is no number of seconds":         head + "#EXTINF:1e9\nx\n",
		"\"-1\" is no number":                     head + "#EXT-X-MEDIA-SEQUENCE:-1\n",
		"is no range of bytes":                    head + "#EXT-X-BYTERANGE:0@1\n",
		"without an offset":                       head + "#EXT-X-BYTERANGE:5\n#EXTINF:1\nx\n",
		"#EXT-X-MAP: it has no URI":               head + "#EXT-X-MAP:URI=x\n#EXT-X-MAP:BYTERANGE=\"1@2\"\n",
		"#EXT-X-PART: it has no URI":              head + "#EXT-X-PART:DURATION=1\n",
		"a delta update, which was not asked for": head + "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n",
		"it has no NAME with a VALUE":             head + "#EXT-X-DEFINE:NAME=\"a\"\n",
		"\"a\" is defined twice":                  head + strings.Repeat("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n", 2),
		"\"b\" is not defined before":             head + define + "#EXTINF:1,\n{$a}{$b}\n",
		"#EXT-X-MAP: the variable \"c\" is not":   head + define + "#EXT-X-MAP:URI=\"{$c}\"\n",
		"one of the multivariant playlist":        head + "#EXT-X-DEFINE:IMPORT=\"a\"\n",
		"the URL of the playlist has no \"a\"":    head + "#EXT-X-DEFINE:QUERYPARAM=\"a\"\n",
		"more than 256 variables":                 head + many("#EXT-X-DEFINE:NAME=\"%d\",VALUE=\"b\"\n", maxVariables+1),
		"\"a\" has more than 4096 bytes":          head + "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"" + strings.Repeat("x", maxVariableBytes+1) + "\"\n",
		"values of variables have more than 4 MiB": head + "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"" + strings.Repeat("x", maxVariableBytes) + "\"\n" +
			strings.Repeat("#EXTINF:1,\n{$a}{$a}{$a}{$a}\n", MaxPlaylistBytes/maxVariableBytes/4+1),
		"line 3: it has more than 32768 bytes":       head + "#EXT-X-KEY:URI=\"" + strings.Repeat("x", maxLineBytes) + "\"\n",
		"line 2: it has more than 32768 bytes":       "#EXTM3U\n" + strings.Repeat("x", maxLineBytes+1),
		"more than 1024 entries":                     "#EXTM3U\n" + strings.Repeat("#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n", maxVariants+1),
		"#EXT-X-MEDIA: more than 1024 entries":       "#EXTM3U\n" + strings.Repeat("#EXT-X-MEDIA:TYPE=AUDIO\n", maxVariants+1),
		"#EXT-X-STREAM-INF: CODECS has more than 32": "#EXTM3U\n#EXT-X-STREAM-INF:CODECS=\"" + strings.Repeat(",", maxCodecs) + "\"\nx\n",
		"more than 65536 entries":                    head + strings.Repeat("#EXTINF:1,\nx\n", maxEntries+1),
	} {
		_, _, err := parsePlaylist([]byte(text), scope{})
		require.ErrorContains(t, err, says, "%.80s", text)
	}
}

func TestTheSoundOfAVariant(t *testing.T) {
	m, _, err := parsePlaylist([]byte(`#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="1",URI="one"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="2",AUTOSELECT=YES,URI="two"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="b",NAME="3",DEFAULT=YES,URI="three"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="c",NAME="4",DEFAULT=YES
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="a",NAME="5",DEFAULT=YES,URI="five"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=999,URI="x"
#EXT-X-STREAM-INF:BANDWIDTH=5,CODECS="avc1.64001f,mp4a.40.2,wvtt",AUDIO="a"
A
#EXT-X-STREAM-INF:BANDWIDTH=4,AUDIO="b"
B
#EXT-X-STREAM-INF:BANDWIDTH=3,AUDIO="c"
C
#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="wvtt"
D
#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="none"
EE
`), scope{})
	require.NoError(t, err)
	best, err := m.choose()
	require.NoError(t, err)
	require.Equal(t, "A", best.uri)
	var sounds []string
	for i := range m.variants {
		sounds = append(sounds, m.sound(&m.variants[i]))
	}
	require.Equal(t, []string{"two", "three", "", "", ""}, sounds)
}

// FuzzPlaylist requires that the result for any text can be used.
func FuzzPlaylist(f *testing.F) {
	f.Add([]byte(head + "#EXT-X-MAP:URI=\"a\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\n#EXT-X-BYTERANGE:4@1\nx\n#EXT-X-PART:DURATION=1,URI=\"p\"\n"))
	f.Add([]byte("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"x\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\",AUDIO=\"a\"\ny\n"))
	f.Add([]byte(head + "#EXT-X-DEFINE:QUERYPARAM=\"q\"\n#EXT-X-DEFINE:IMPORT=\"i\"\n#EXTINF:4,\n{$q}{$i}\n"))
	from := scope{&url.URL{RawQuery: "q=1"}, map[string]string{"i": "2"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		master, m, err := parsePlaylist(text, from)
		if err != nil {
			require.Nil(t, master)
			require.Nil(t, m)
			return
		}
		require.True(t, (master == nil) != (m == nil))
		if master != nil {
			for i := range master.variants {
				_ = master.sound(&master.variants[i])
			}
			_, _ = master.choose()
			return
		}
		at := m.start()
		require.GreaterOrEqual(t, at.number, m.first)
		require.LessOrEqual(t, at.number, m.end())
		for i := range m.segments {
			s := &m.segments[i]
			require.NotEmpty(t, s.uri)
			require.GreaterOrEqual(t, s.of.Offset, int64(0))
			require.GreaterOrEqual(t, s.duration, time.Duration(0))
		}
	})
}

// The cost of a playlist is proportional to its length.
func TestTheCostOfAPlaylistIsProportional(t *testing.T) {
	cost := func(n int) float64 {
		text := []byte(head + strings.Repeat("#EXT-X-PART:DURATION=1,URI=\"a\",BYTERANGE=\"1@1\"\n#EXT-X-MAP:URI=\"x\"\n#EXTINF:4,\nx\n", n))
		return testing.AllocsPerRun(5, func() {
			_, m, err := parsePlaylist(text, scope{})
			require.NoError(t, err)
			require.Len(t, m.segments, n)
		})
	}
	require.Less(t, cost(8000), 10*cost(1000))
}
