package repair

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

// tables returns the tables of three samples in two chunks, and further boxes.
func tables(further func(w *isobmff.Writer)) []byte {
	var w isobmff.Writer
	table := func(fourcc string, v ...uint32) {
		at := w.OpenFull(fourcc, 0, 0)
		for _, v := range v {
			w.U32(v)
		}
		w.Close(at)
	}
	table("stsz", 0, 3, 10, 20, 30)
	table("stts", 2, 1, 40, 2, 50)
	table("stsc", 2, 1, 2, 1, 2, 1, 7)
	table("stco", 2, 100, 500)
	further(&w)
	return w.B
}

func TestASampleTableIsExpanded(t *testing.T) {
	s, ok := parseSampleTable(tables(func(w *isobmff.Writer) {
		at := w.OpenFull("ctts", 1, 0)
		for _, v := range []uint32{1, 3, 1<<32 - 5} {
			w.U32(v)
		}
		w.Close(at)
		at = w.OpenFull("stss", 0, 0)
		for _, v := range []uint32{2, 1, 3} {
			w.U32(v)
		}
		w.Close(at)
	}), 1000)
	require.True(t, ok)
	require.Equal(t, sampleTable{
		at: []int64{100, 110, 500}, size: []uint32{10, 20, 30}, dts: []int64{0, 40, 90, 140},
		offset: []int32{-5, -5, -5}, sync: []bool{true, false, true}, description: []uint32{1, 1, 7}, version: 1,
	}, s)
}

// TestATableThatIsCutIsDamaged checks that a box cut at any byte is damage and causes no panic.
func TestATableThatIsCutIsDamaged(t *testing.T) {
	whole := tables(func(*isobmff.Writer) {})
	for boxes := isobmff.Walk(whole); boxes.Next(); {
		for n := range len(boxes.Payload) {
			cut := append([]byte{}, whole[:boxes.At+8+n]...)
			binary.BigEndian.PutUint32(cut[boxes.At:], uint32(8+n))
			cut = append(cut, whole[boxes.At+int(boxes.SizeBytes):]...)
			_, ok := parseSampleTable(cut, 1000)
			require.False(t, ok, "%s of %d bytes", boxes.Type, n)
		}
	}
	rows := func(fourcc string, v ...uint32) func(*isobmff.Writer) {
		return func(w *isobmff.Writer) {
			at := w.OpenFull(fourcc, 0, 0)
			for _, v := range v {
				w.U32(v)
			}
			w.Close(at)
		}
	}
	for name, further := range map[string]func(*isobmff.Writer){
		"more key frames claimed than there are":  rows("stss", 3, 1, 2),
		"a key frame that is no sample":           rows("stss", 1, 4),
		"key frame 0":                             rows("stss", 1, 0),
		"more offsets claimed than there are":     rows("ctts", 2, 3, 5),
		"offsets of more samples than there are":  rows("ctts", 1, 4, 5),
		"offsets of fewer samples than there are": rows("ctts", 1, 2, 5),
	} {
		_, ok := parseSampleTable(tables(further), 1000)
		require.False(t, ok, name)
	}
	for _, fourcc := range []string{"ctts", "stss"} {
		for n := 1; n < 8; n++ {
			s, ok := parseSampleTable(tables(func(w *isobmff.Writer) { w.Box(fourcc, make([]byte, n)) }), 1000)
			require.Equal(t, fourcc == "stss", ok, "%s of %d bytes", fourcc, n)
			require.Len(t, s.size, 3)
		}
	}
}
