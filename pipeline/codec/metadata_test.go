package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// metadataEntry returns the payload of an stsd with a sample entry of timed metadata.
func metadataEntry(fourcc string, texts ...string) []byte {
	var w isobmff.Writer
	w.U64(1)
	w.MetadataEntry(fourcc, texts...)
	return w.B
}

// uriEntry returns the payload of an stsd with a sample entry urim.
func uriEntry(uri string) []byte {
	var w isobmff.Writer
	w.U64(1)
	entry := w.Open("urim")
	w.U64(1)
	box := w.OpenFull("uri ", 0, 0)
	w.AppendString(uri + "\x00")
	w.Close(box)
	w.Close(entry)
	return w.B
}

func TestEntriesOfMetadataAreRead(t *testing.T) {
	for _, c := range []struct {
		want media.Codec // 0: none
		stsd []byte
	}{
		{ONVIF, metadataEntry("metx", "", onvifNamespace, "http://www.onvif.org/ver10/schema/onvif.xsd")},
		{ONVIF, metadataEntry("metx", "", "urn:other "+onvifNamespace, "")},
		{ONVIF, metadataEntry("mett", "", onvifMIME)},
		{KLV, metadataEntry("mett", "", "Application/SMPTE336M; rate=90000")},
		{KLV, uriEntry("urn:smpte:ul:060E2B34.020B0101.0E010301.01000000")},
		{0, metadataEntry("metx", "", "urn:other", "")},
		{0, metadataEntry("metx", "application/gzip", onvifNamespace, "")},
		{0, metadataEntry("mett", "", "text/plain")},
		{0, uriEntry("urn:example")},
	} {
		track, err := ReadSampleEntry(c.stsd, 90000)
		if c.want == 0 {
			require.ErrorIs(t, err, ErrNotRecorded)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, media.Track{Codec: c.want, Timescale: 90000}, track)
		require.NoError(t, track.Validate())
		require.Equal(t, track, readBack(t, track))
	}
	_, err := ReadSampleEntry(metadataEntry("metx", "", onvifNamespace), 90000)
	require.ErrorContains(t, err, "is cut")
	require.NotErrorIs(t, err, ErrNotRecorded)
}

func TestTheBeginningOfMetadata(t *testing.T) {
	require.True(t, BeginsXML([]byte("\xef\xbb\xbf \r\n<?xml")) && BeginsXML([]byte("<tt:MetadataStream>")))
	require.False(t, BeginsXML(nil) || BeginsXML([]byte("rest</tt:MetadataStream>")))
	require.True(t, BeginsKLV([]byte{6, 0x0e, 0x2b, 0x34, 2}))
	require.False(t, BeginsKLV([]byte{6, 0x0e, 0x2b}) || BeginsKLV([]byte{0, 0, 0, 0}))
}
