package isobmff_test

import (
	"errors"
	"testing"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
)

func TestBoxesWithinBoxes(t *testing.T) {
	var w isobmff.Writer
	w.AppendString("before")
	moov := w.Open("moov")
	w.Free(10)
	uuid := w.OpenUUID("0123456789abcdef")
	w.U8(7)
	w.Close(uuid)
	dref := w.OpenMarshal(&gomp4.Dref{EntryCount: 1})
	w.Marshal(&gomp4.Url{FullBox: gomp4.FullBox{Flags: [3]byte{0, 0, 1}}})
	w.Close(dref)
	w.Close(moov)
	w.Header("free", 9)
	w.U8(1)
	w.LargeHeader("mdat", 1<<33)
	require.NoError(t, w.Err())
	require.Equal(t, "before"+
		"\x00\x00\x00\x47moov"+
		"\x00\x00\x00\x0afree\x00\x00"+
		"\x00\x00\x00\x19uuid0123456789abcdef\x07"+
		"\x00\x00\x00\x1cdref\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0curl \x00\x00\x00\x01"+
		"\x00\x00\x00\x09free\x01"+
		"\x00\x00\x00\x01mdat\x00\x00\x00\x02\x00\x00\x00\x00", string(w.B))
}

func TestTheFirstErrorIsKept(t *testing.T) {
	var w isobmff.Writer
	w.Marshal(&gomp4.AVCDecoderConfiguration{AnyTypeBox: gomp4.AnyTypeBox{Type: gomp4.BoxTypeAvcC()}, Profile: 66, HighProfileFieldsEnabled: true})
	first := w.Err()
	require.ErrorContains(t, first, "box avcC")
	w.Fail(errors.New("another"))
	require.Equal(t, first, w.Err())
}
