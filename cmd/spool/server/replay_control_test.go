package server

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A client pauses, goes on where it was, and jumps while it plays. No packet is missing: replayClient checks their numbers.
func TestAReplayIsPausedAndMoved(t *testing.T) {
	t.Parallel()
	d := newReplayDay(t)
	all := d.shots[0]
	k := d.replay("").setUp(0, 1)
	k.play("Range: clock="+clock(all[0].atNS)+"-", "Scale: 4")
	first := k.cseq
	for n := 1; n <= 5; n++ {
		k.received(3 * n)
		k.asked("PAUSE", k.url)
		paused := len(k.units[0])
		k.asked("GET_PARAMETER", k.url)
		require.Len(t, k.units[0], paused, "nothing follows the response to PAUSE")
		k.asked("PLAY", k.url)
	}
	k.received(20)
	got := len(k.units[0])
	d.same(all[:got], unmarked(k.units[0][:got], k.cseq), k.cseq)
	require.Equal(t, byte(first), k.units[0][0].cseq)
	require.Equal(t, []int{0}, flagged(k.units[0], "D"))

	res := k.asked("PLAY", k.url, "Range: clock="+clock(all[gapAt].atNS)+"-"+clock(all[gapAt+20].atNS), "Rate-Control: no", "Immediate: yes")
	k.ended(2)
	at := slices.IndexFunc(k.units[0], func(u replayed) bool { return u.cseq == byte(k.cseq) })
	d.same(all[gapAt:gapAt+20], k.units[0][at:], k.cseq)
	require.Contains(t, k.units[0][at].flags, "D")
	require.Contains(t, res.Header["Range"][0], "clock=")

	k.forget()
	k.asked("PLAY", k.url, "Range: clock="+clock(all[0].atNS)+"-", "Scale: 4")
	k.received(5)
	k.asked("PLAY", k.url, "Scale: -4") // at the place that it has reached
	k.ended(2)
	back := slices.IndexFunc(k.units[0], func(u replayed) bool { return u.cseq == byte(k.cseq) })
	d.same(reversed(all[:back]), k.units[0][back:], k.cseq)
}

// unmarked sets the CSeq of pictures, which same compares.
func unmarked(units []replayed, cseq int) []replayed {
	out := slices.Clone(units)
	for i := range out {
		out[i].cseq = byte(cseq)
	}
	return out
}

// A recording that grows is replayed as far as it is known. Later the same client gets what has come meanwhile.
func TestAGrowingRecordingIsReplayed(t *testing.T) {
	t.Parallel()
	d := newReplayDay(t)
	begin := d.utc
	d.connect(192, 108)
	d.send(6 * time.Second)
	k := d.replay("").setUp(0)
	k.play("Range: clock="+clock(begin)+"-", "Rate-Control: no")
	k.ended(1)
	want := d.expected(0, begin, d.utc)
	got := len(k.units[0])
	require.Positive(t, got)
	d.same(want[:got], k.units[0], k.cseq)
	require.Empty(t, flagged(k.units[0], "E"), "the recording has not ended")

	d.send(12 * time.Second) // the next file has begun
	d.leave(0)
	k.play()
	k.ended(1)
	more := k.units[0][slices.IndexFunc(k.units[0], func(u replayed) bool { return u.cseq == byte(k.cseq) }):]
	want = d.expected(0, begin, d.utc)
	d.same(want[got:], more, k.cseq)
	require.Equal(t, []int{len(more) - 1}, flagged(more, "E"))
	require.Empty(t, flagged(more, "D"), "it goes on where it was")
}

// A file is not deleted while it is replayed. A deleted recording is skipped like a gap.
func TestDeletedRecordingsAreNotReplayed(t *testing.T) {
	t.Parallel()
	d := newReplayDay(t)
	all := d.shots[0]
	var list struct {
		Records []struct {
			ID   string
			File string `json:"file_path"`
		}
	}
	require.Equal(t, http.StatusOK, d.ask("GET", "/mp4/records?order=asc&stream="+d.path, &list))
	second := list.Records[1]
	k := d.replay("").setUp(0)
	k.play("Range: clock="+clock(all[55].atNS)+"-", "Scale: 0.125")
	k.received(1)
	require.Equal(t, http.StatusConflict, d.ask("DELETE", "/mp4/records/"+second.ID, nil), "it is read")
	k.play("Range: clock="+clock(all[gapAt].atNS)+"-", "Scale: 0.125")
	k.received(1)
	require.Equal(t, http.StatusOK, d.ask("DELETE", "/mp4/records/"+second.ID, nil))
	k.play("Range: clock="+clock(all[0].atNS)+"-"+clock(all[gapAt].atNS-1), "Rate-Control: no")
	k.ended(1)
	want := append(slices.Clone(all[:50]), all[100:gapAt]...)
	pictures := k.units[0]
	pictures = pictures[slices.IndexFunc(pictures, func(u replayed) bool { return u.cseq == byte(k.cseq) }):]
	d.same(want, pictures, k.cseq)
	require.Equal(t, []int{0, 50}, flagged(pictures, "D"))
	require.Equal(t, []int{49, 99}, flagged(pictures, "E"))
}
