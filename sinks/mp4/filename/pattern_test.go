package filename

import (
	"fmt"
	"math"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// recorded is the begin of the files of these tests.
var recorded = time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)

func TestNames(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	seg := &media.Segment{Stream: "live/camera01", Pipeline: "default", Index: 7, StartUTC: recorded.UnixNano()}
	for pattern, want := range map[string]string{
		"{stream}_{date}_{time}.mp4":                                  "live_camera01_20260304_060607.mp4",
		"{stream_path}/{date}/{time}.{ms}.mp4":                        "live/camera01/20260304/060607.089.mp4",
		"{pipeline}-{seq}-{timestamp}.mp4":                            "default-7-1772600767.mp4",
		"a/b/{stream}.mp4":                                            "a/b/live_camera01.mp4",
		"{stream_path}.mp4":                                           "live/camera01.mp4",
		"{stream}_{date:%Y-%m-%d}_{time:%H-%M-%S}.mp4":                "live_camera01_2026-03-04_06-06-07.mp4",
		"{date:%Y/%m/%d}/{time:%Hh%M.%L}.mp4":                         "2026/03/04/06h06.089.mp4",
		"{date:%Y-%m-%dT%H%M%S%z}.mp4":                                "2026-03-04T060607+0100.mp4",
		"{time:%s}.{date:%j}.mp4":                                     "1772600767.063.mp4",
		"{date:%a %A %b %B %C %d %f %F %g %G %h %H}.mp4":              "Wed Wednesday Mar March 20 04 089000 2026-03-04 26 2026 Mar 06.mp4",
		"{date:%I %j %L %m %M %N %p %P %Q %s %S}.mp4":                 "06 063 089 03 06 089000000 AM am 1772600767089 1772600767 07.mp4",
		"{time:%u %U %V %w %W %y %Y %z %Z %-d%-m%-H%-I%-M%-S%-j}.mp4": "3 09 10 3 09 26 2026 +0100 CET 43666763.mp4",
	} {
		p, err := Parse(pattern)
		require.NoError(t, err, pattern)
		require.Equal(t, want, p.Name(seg, berlin, 0))
		require.Equal(t, strings.TrimSuffix(want, ".mp4")+"_2.mp4", p.Name(seg, berlin, 1))
	}
}

// TestAPatternIsRefusedWithItsPlaceAndARemedy checks that each error has the place and the
// correction.
func TestAPatternIsRefusedWithItsPlaceAndARemedy(t *testing.T) {
	for pattern, want := range map[string]struct {
		character int
		remedy    string
	}{
		"é_{day}.mp4":                    {4, "write one of {stream} "},
		"{stream}_{date:%Y-%m-%d.mp4":    {10, "write {date}"},
		"{stream}_{date:%Y{ms}}.mp4":     {10, "write {date}"},
		"{stream}_date}.mp4":             {14, "write {date}"},
		"{stream}_{time:%H:%M}.mp4":      {18, "write - or _"},
		"{stream}_{time:%T}.mp4":         {16, "write %H-%M-%S"},
		"{stream}_{time:%R}.mp4":         {16, "write %H-%M"},
		"{stream}_{date:%D}.mp4":         {16, "write %m-%d-%y"},
		"{stream}_{date:%x}.mp4":         {16, "write %Y-%m-%d"},
		"{stream}_{date:%Y%n}.mp4":       {18, "write _"},
		"{stream}_{date:%Y%%}.mp4":       {18, "write _"},
		"{stream}_{date:%e}.mp4":         {16, "write %d"},
		"{stream}_{date:%Y-%i}.mp4":      {19, "write one of %A %B "},
		"{stream}_{date:%é}.mp4":         {16, "%é is not a conversion"},
		"{stream}_{date:%:z}.mp4":        {16, "%: is not a conversion"},
		"{stream}_{date:%Ey}.mp4":        {16, "%E is not a conversion"},
		"{stream}_{date:%-Y}.mp4":        {16, "%-Y is not a conversion"},
		"{stream}_{date:%Y%}.mp4":        {18, "write a conversion"},
		"{stream}_{date:%Y-%-}.mp4":      {19, "%- is not a conversion"},
		"{stream}_{date:}.mp4":           {16, "write for example %Y-%m-%d"},
		"{stream}_{date:YYYY-MM-DD}.mp4": {16, "write for example %Y-%m-%d"},
		"{stream}_{date:%Y\x00}.mp4":     {18, "write - or _"},
		"{stream}_{date:%Y\xff}.mp4":     {18, "write - or _"},
		"{date:%Y\\%m}.mp4":              {9, "write - or _"},
		"{date:/%Y}/{time}.mp4":          {1, "write no / at the start"},
		"{date:%Y//%m}/{time}.mp4":       {1, "write no / at the start"},
		"{date:%Y/../%m}/{time}.mp4":     {1, "write no / at the start"},
		"{date:%Y/.%m}/{time}.mp4":       {1, "begins with a dot"},
		"{stream}_{ms:%f}.mp4":           {14, "write {ms}"},
		"{timestamp:%s}.mp4":             {12, "write {timestamp}"},
		"a:{time}.mp4":                   {2, "write - or _"},
		"100%_{time}.mp4":                {4, "write - or _"},
		"{stream}.mkv":                   {12, "write {stream}_{date}_{time}.mp4"},
	} {
		_, err := Parse(pattern)
		require.ErrorContains(t, err, fmt.Sprintf("character %d: ", want.character), pattern)
		require.ErrorContains(t, err, want.remedy, pattern)
	}
}

func FuzzNamesStayInsideTheDirectory(f *testing.F) {
	for _, s := range []string{"live/cam", "../../etc/passwd", "a/../b", "..", ".", "/abs", "a\x00b", "a\nb", strings.Repeat("x", 600), "\xff\xfe", "con:", "~/x", "{stream}", "a/.mp4", "..mp4"} {
		f.Add(s, "p")
	}
	flat, _ := Parse("{stream}_{pipeline}.mp4")
	deep, _ := Parse("{stream_path}/{pipeline}.mp4")
	bare, _ := Parse("{stream_path}.mp4")
	f.Fuzz(func(t *testing.T, stream, pipeline string) {
		seg := &media.Segment{Stream: stream, Pipeline: pipeline, StartUTC: 1}
		for _, p := range []Pattern{flat, deep, bare} {
			for _, n := range []int{0, 1, 98765} {
				name := p.Name(seg, time.UTC, n)
				require.True(t, filepath.IsLocal(name), name)
				require.Equal(t, path.Clean(name), name)
				require.True(t, strings.HasSuffix(name, ".mp4"), name)
				for part := range strings.SplitSeq(name+media.PartSuffix, "/") {
					require.LessOrEqual(t, len(part), 255)
					require.NotEqual(t, byte('.'), part[0], "%s is hidden", name)
				}
			}
		}
		require.NotContains(t, flat.Name(seg, time.UTC, 0), "/")
	})
}

func FuzzPatternsThatAreTakenMakeGoodNames(f *testing.F) {
	for _, s := range []string{"{stream}_{date}.mp4", "{stream_path}/{ms}.mp4", "../{stream}.mp4", "{", "}", "a{seq}/b.mp4", "{date:%Y/%m}/{time:%-H%z%Z}.mp4", "{date:%B./%A}.mp4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		for _, at := range []int64{0, recorded.UnixNano(), math.MaxInt64, math.MinInt64} {
			name := p.Name(&media.Segment{Stream: "a/b", Pipeline: "p", StartUTC: at}, time.UTC, 0)
			require.True(t, filepath.IsLocal(name), name)
			require.True(t, strings.HasSuffix(name, ".mp4"), name)
			require.Equal(t, -1, strings.IndexFunc(name, unfitInPath), name)
		}
	})
}

func TestAnUnknownPlaceholderIsRefusedWithTheListOfAll(t *testing.T) {
	_, err := Parse("{camera}.mp4")
	require.ErrorContains(t, err, "{stream_path}", "what could have been meant is listed")
}
