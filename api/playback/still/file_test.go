package still

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// The file of any picture has the tables that lead to its bytes, its own duration, and the sample entry unchanged; it is
// the same in every partial read.
func TestTheFileOfAPicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SliceOfN(rapid.Byte(), 1, 5000).Draw(t, "recording")
		at := rapid.IntRange(0, len(from)-1).Draw(t, "at")
		size := rapid.IntRange(1, len(from)-at).Draw(t, "size")
		entry := append([]byte{0, 0, 0, 20, 'a', 'v', 'c', '1'}, bytes.Repeat([]byte{7}, 12)...)
		lasts := rapid.Int64Range(0, 1<<31).Draw(t, "duration")
		f := &frame{
			track: &clip.Track{Track: index.Track{Timescale: 90000}, Entry: entry},
			sample: isobmff.Sample{
				DTS: 5, DurationTicks: lasts, OffsetTicks: 3600, SizeBytes: uint32(size), Sync: true, At: int64(at),
			},
			createdUTC: int64(1.7e18),
		}
		got, err := f.fileOf(bytes.NewReader(from))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(io.NewSectionReader(got, 0, got.size()))
		if err != nil || int64(len(whole)) != got.size() {
			t.Fatalf("%d bytes of %d: %v", len(whole), got.size(), err)
		}
		moov := isobmff.Find(whole, "moov")
		stbl := isobmff.Find(moov, "trak", "mdia", "minf", "stbl")
		table, err := isobmff.ReadSampleTable(stbl)
		if err != nil || table.Len() != 1 {
			t.Fatalf("%v: %v", table, err)
		}
		var s isobmff.Sample
		if ok, err := table.Next(&s); !ok || err != nil {
			t.Fatalf("%v: %v", ok, err)
		}
		if !bytes.Equal(whole[s.At:s.At+int64(s.SizeBytes)], from[at:at+size]) || !s.Sync || s.DurationTicks != max(lasts, 1) || s.DTS != 0 || s.OffsetTicks != 0 {
			t.Fatalf("%+v", s)
		}
		if !bytes.Equal(isobmff.Find(whole, "mdat"), from[at:at+size]) || !bytes.Contains(isobmff.Find(stbl, "stsd"), entry) {
			t.Fatal("mdat or stsd")
		}
		a := rapid.IntRange(0, len(whole)).Draw(t, "from")
		part := make([]byte, rapid.IntRange(0, 6000).Draw(t, "length"))
		n, err := got.ReadAt(part, int64(a))
		if want := whole[a:min(a+len(part), len(whole))]; !bytes.Equal(part[:n], want) || (n < len(part)) != (err == io.EOF) && n < len(part) {
			t.Fatalf("%d bytes at %d: %d, %v", len(part), a, n, err)
		}
	})
}

func TestETagsAreComparedWeakly(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, `"a"`: true, `W/"a"`: true, `"b", W/"a"`: true, `"b"`: false, "*": true, "a": false,
	} {
		require.Equal(t, want, known(http.Header{"If-None-Match": {header}}, `W/"a"`), header)
	}
	require.False(t, known(http.Header{}, `"a"`))
}

// rows is a catalogue that lists the same rows for any query, the last one first.
type rows []media.Record

func (r rows) Records(context.Context, media.Query) (media.Page, error) {
	return media.Page{Records: r}, nil
}

// Where there is no picture, the error says what there is instead.
func TestWhyThereIsNoPicture(t *testing.T) {
	const second = int64(time.Second)
	ended := media.Record{Recording: media.Recording{State: media.StateFinished, Pipeline: "a", StartUTC: 10 * second, EndUTC: 20 * second}}
	elsewhere, lost := ended, ended
	elsewhere.Elsewhere, elsewhere.Node = true, "north"
	lost.State = media.StateLost
	ask := func(list rows, q Request) error {
		s := New()
		s.Library, s.Catalogue, s.Readers = &clip.Library{Files: playback.NewDir(t.TempDir(), nil)}, list, &playback.Readers{}
		f, err := s.find(t.Context(), &q)
		require.Nil(t, f)
		return err
	}
	require.Equal(t, &NothingError{AtUTC: 5 * second}, ask(nil, Request{AtUTC: 5 * second}))
	require.Equal(t, &NothingError{25 * second, 20 * second}, ask(rows{ended}, Request{AtUTC: 25 * second}), "its file was deleted meanwhile")
	require.Equal(t, &NothingError{AtUTC: 25 * second}, ask(rows{ended}, Request{AtUTC: 25 * second, Pipeline: "b"}))
	require.Equal(t, &NothingError{AtUTC: 15 * second}, ask(rows{lost}, Request{AtUTC: 15 * second}))
	require.Equal(t, &ElsewhereError{"north"}, ask(rows{elsewhere}, Request{AtUTC: 15 * second}))
	require.EqualError(t, &NothingError{25 * second, 20 * second},
		"there is no footage at 1970-01-01T00:00:25Z: the last recording before it ended 5s earlier, at 1970-01-01T00:00:20Z; with before=6s its last picture is the answer")
}
