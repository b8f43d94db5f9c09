package isobmff_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// box is a box of boxes or bytes.
func box(fourcc string, parts ...[]byte) []byte {
	var w isobmff.Writer
	w.Box(fourcc, bytes.Join(parts, nil))
	return w.B
}

func TestAWalkGoesFromBoxToBox(t *testing.T) {
	b := bytes.Join([][]byte{box("free"), box("mdat", []byte("abc")), large("uuid", 18), []byte("de")}, nil)
	var got []string
	boxes := isobmff.Walk(b)
	for boxes.Next() {
		require.Equal(t, boxes.Type[:], b[boxes.At+4:boxes.At+8])
		got = append(got, boxes.Type.String()+" "+string(boxes.Payload))
	}
	require.True(t, boxes.Whole())
	require.Equal(t, []string{"free ", "mdat abc", "uuid de"}, got)
	require.Equal(t, len(boxes.Payload), cap(boxes.Payload), "an append would write over what follows")
}

func TestAWalkEndsAtWhatIsNoBox(t *testing.T) {
	for name, rest := range map[string][]byte{
		"a box that is cut":         box("mdat", []byte("abc"))[:10],
		"7 bytes":                   make([]byte, 7),
		"a box to the end":          []byte("\x00\x00\x00\x00mdat"),
		"a box of fewer than 8":     []byte("\x00\x00\x00\x07mdat"),
		"half of a large header":    large("mdat", 16)[:12],
		"a large header of nothing": large("mdat", 0),
	} {
		boxes := isobmff.Walk(append(box("free"), rest...))
		require.True(t, boxes.Next(), name)
		require.True(t, boxes.Whole(), name+": nothing is known of the rest yet")
		require.False(t, boxes.Next(), name)
		require.False(t, boxes.Next(), name)
		require.False(t, boxes.Whole(), name)
	}
}

func TestFindTakesTheFirstOfEach(t *testing.T) {
	b := box("moov", box("trak", box("tkhd", []byte("1"))), box("trak", box("tkhd", []byte("2"))), box("free"))
	require.Equal(t, "1", string(isobmff.Find(b, "moov", "trak", "tkhd")))
	require.Nil(t, isobmff.Find(b, "moov", "mvex"))
	require.Nil(t, isobmff.Find(b, "trak"))
	require.NotNil(t, isobmff.Find(b, "moov", "free"), "an empty box is there")
	require.Empty(t, isobmff.Find(b, "moov", "free"))
	require.Equal(t, b, isobmff.Find(b))
	require.NotNil(t, isobmff.Find(append(bytes.Clone(b), 1, 2, 3), "moov"), "what follows a box does not hide it")
}

func TestAUUIDIsOfBoxesWithOne(t *testing.T) {
	const uuid = "0123456789abcdef"
	boxes := isobmff.Walk(bytes.Join([][]byte{
		box("uuid", []byte(uuid), []byte("payload")), box("uuid", []byte(uuid[:15])), box("free", []byte(uuid)), box("uuid", []byte("0123456789abcdeF")),
	}, nil))
	require.True(t, boxes.Next() && boxes.IsUUID(uuid))
	for boxes.Next() {
		require.False(t, boxes.IsUUID(uuid))
	}
}

func TestAWalkAllocatesNothing(t *testing.T) {
	b := bytes.Repeat(box("trak", box("tkhd", make([]byte, 8))), 100)
	n := 0
	require.Zero(t, testing.AllocsPerRun(10, func() {
		for boxes := isobmff.Walk(b); boxes.Next(); {
			n += len(isobmff.Find(boxes.Payload, "tkhd"))
		}
	}))
	require.Equal(t, 11*800, n)
}

func TestTheCostOfAWalkIsProportional(t *testing.T) {
	for name, unit := range map[string][]byte{
		"boxes of 8 bytes":             box("free"),
		"boxes of 16 bytes":            large("free", 16),
		"boxes that are no boxes":      make([]byte, 8),
		"a box that claims everything": large("free", 1<<62),
	} {
		t.Run(name, func(t *testing.T) {
			pipelinetest.Proportional(t, 4<<10, 16, func(n int) (steps int64) {
				for boxes := isobmff.Walk(bytes.Repeat(unit, n/len(unit)+1)); boxes.Next(); {
					steps++
				}
				return steps
			})
		})
	}
}

// FuzzBoxes: a walk visits each byte at most once, in order, and a path of finds
// ends in what was walked.
func FuzzBoxes(f *testing.F) {
	f.Add(box("moov", box("trak", box("tkhd", []byte("1"))), box("free")))
	f.Add(append(box("free"), large("mdat", 20)...))
	f.Add([]byte("\x00\x00\x00\x00mdat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := 0
		boxes := isobmff.Walk(b)
		for boxes.Next() {
			require.Equal(t, end, boxes.At)
			end += int(boxes.Size)
			require.Equal(t, b[boxes.At+int(boxes.Length):end], boxes.Payload)
			inner := isobmff.Walk(boxes.Payload)
			if inner.Next() {
				require.NotNil(t, isobmff.Find(b, boxes.Type.String()))
			}
		}
		require.Equal(t, boxes.Whole(), end == len(b))
		h, err := isobmff.ReadHeader(bytes.NewReader(b), 0, int64(len(b)))
		parsed, ok := isobmff.ParseHeader(b)
		require.Equal(t, ok, err == nil)
		if ok {
			require.Equal(t, parsed, h)
			p, err := isobmff.ReadPayload(bytes.NewReader(b), 0, h, int64(len(b)), 1<<20)
			require.LessOrEqual(t, len(p), len(b))
			require.Equal(t, err == nil, h.Size > 0 && h.Size <= int64(min(len(b), 1<<20)))
		}
	})
}
