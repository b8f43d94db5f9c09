package isobmff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

func TestFieldsAreReadAsTheyWereWritten(t *testing.T) {
	var w isobmff.Writer
	at := w.OpenFull("test", 1, 0xabcdef)
	w.U8(1)
	w.U16(2)
	w.U64(3)
	w.U64(4)
	w.U32(5)
	w.AppendString("rest")
	w.Close(at)
	f := isobmff.NewFields(isobmff.Find(w.B, "test"))
	version, flags := f.FullBox()
	require.Equal(t, []any{uint8(1), uint32(0xabcdef)}, []any{version, flags})
	require.Equal(t, []any{uint8(1), uint16(2), uint64(3)}, []any{f.U8(), f.U16(), f.U64()})
	require.Equal(t, []uint64{4, 5}, []uint64{f.Versioned(1), f.Versioned(0)})
	require.Equal(t, "rest", string(f.Rest()))
	require.False(t, f.Short())
	f.Skip(3)
	require.Zero(t, f.U16(), "a number that is there by half")
	require.True(t, f.Short())
	require.Zero(t, f.U8(), "and nothing after it")
}

func TestFieldsNeverReadBackwards(t *testing.T) {
	f := isobmff.NewFields([]byte{1, 2, 3})
	require.Nil(t, f.Take(-1))
	require.True(t, f.Short())
	f = isobmff.NewFields([]byte{1, 2, 3})
	require.Equal(t, 2, cap(f.Take(2)), "an append would overwrite the bytes behind")
}
