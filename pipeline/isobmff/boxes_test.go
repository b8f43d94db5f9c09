package isobmff_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func TestAWalkGoesFromBoxToBox(t *testing.T) {
	b := bytes.Join([][]byte{isobmfftest.Box("free"), isobmfftest.Box("mdat", []byte("abc")), isobmfftest.LargeHeader("uuid", 18), []byte("de")}, nil)
	var got []string
	boxes := isobmff.Walk(b)
	for boxes.Next() {
		require.Equal(t, boxes.Type[:], b[boxes.At+4:boxes.At+8])
		got = append(got, boxes.Type.String()+" "+string(boxes.Payload))
	}
	require.True(t, boxes.Whole())
	require.Equal(t, []string{"free ", "mdat abc", "uuid de"}, got)
	require.Equal(t, len(boxes.Payload), cap(boxes.Payload), "an append would overwrite the bytes behind")
}

func TestAWalkEndsAtAnInvalidBox(t *testing.T) {
	for name, rest := range map[string][]byte{
		"a box that is cut":         isobmfftest.Box("mdat", []byte("abc"))[:10],
		"7 bytes":                   make([]byte, 7),
		"a box to the end":          []byte("\x00\x00\x00\x00mdat"),
		"a box of fewer than 8":     []byte("\x00\x00\x00\x07mdat"),
		"half of a large header":    isobmfftest.LargeHeader("mdat", 16)[:12],
		"a large header of nothing": isobmfftest.LargeHeader("mdat", 0),
	} {
		boxes := isobmff.Walk(append(isobmfftest.Box("free"), rest...))
		require.True(t, boxes.Next(), name)
		require.True(t, boxes.Whole(), name+": nothing is known of the rest yet")
		require.False(t, boxes.Next(), name)
		require.False(t, boxes.Next(), name)
		require.False(t, boxes.Whole(), name)
	}
}

func TestFindTakesTheFirstOfEach(t *testing.T) {
	b := isobmfftest.Box("moov", isobmfftest.Box("trak", isobmfftest.Box("tkhd", []byte("1"))), isobmfftest.Box("trak", isobmfftest.Box("tkhd", []byte("2"))), isobmfftest.Box("free"))
	require.Equal(t, "1", string(isobmff.Find(b, "moov", "trak", "tkhd")))
	require.Nil(t, isobmff.Find(b, "moov", "mvex"))
	require.Nil(t, isobmff.Find(b, "trak"))
	require.NotNil(t, isobmff.Find(b, "moov", "free"), "an empty box is there")
	require.Empty(t, isobmff.Find(b, "moov", "free"))
	require.Equal(t, b, isobmff.Find(b))
	require.NotNil(t, isobmff.Find(append(bytes.Clone(b), 1, 2, 3), "moov"), "trailing bytes do not hide a box")
}

func TestAUUIDIsOfBoxesWithOne(t *testing.T) {
	const uuid = "0123456789abcdef"
	boxes := isobmff.Walk(bytes.Join([][]byte{
		isobmfftest.Box("uuid", []byte(uuid), []byte("payload")), isobmfftest.Box("uuid", []byte(uuid[:15])), isobmfftest.Box("free", []byte(uuid)), isobmfftest.Box("uuid", []byte("0123456789abcdeF")),
	}, nil))
	require.True(t, boxes.Next() && boxes.IsUUID(uuid))
	for boxes.Next() {
		require.False(t, boxes.IsUUID(uuid))
	}
}

func TestAWalkAllocatesNothing(t *testing.T) {
	b := bytes.Repeat(isobmfftest.Box("trak", isobmfftest.Box("tkhd", make([]byte, 8))), 100)
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
		"boxes of 8 bytes":             isobmfftest.Box("free"),
		"boxes of 16 bytes":            isobmfftest.LargeHeader("free", 16),
		"boxes that are no boxes":      make([]byte, 8),
		"a box that claims everything": isobmfftest.LargeHeader("free", 1<<62),
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

// FuzzBoxes: a walk visits each byte at most once, in order, and a path of finds ends within the walked boxes.
func FuzzBoxes(f *testing.F) {
	f.Add(isobmfftest.Box("moov", isobmfftest.Box("trak", isobmfftest.Box("tkhd", []byte("1"))), isobmfftest.Box("free")))
	f.Add(append(isobmfftest.Box("free"), isobmfftest.LargeHeader("mdat", 20)...))
	f.Add([]byte("\x00\x00\x00\x00mdat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := 0
		boxes := isobmff.Walk(b)
		for boxes.Next() {
			require.Equal(t, end, boxes.At)
			end += int(boxes.SizeBytes)
			require.Equal(t, b[boxes.At+int(boxes.HeaderBytes):end], boxes.Payload)
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
			require.Equal(t, err == nil, h.SizeBytes > 0 && h.SizeBytes <= int64(min(len(b), 1<<20)))
		}
	})
}
