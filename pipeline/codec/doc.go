// Package codec implements the codings of pictures and sound, whatever the source of their
// bytes: a session description, a stream, a file. Outside this package only the tables of the
// protocols, with a row for each codec, depend on the codec of a track.
//
// # Adding a codec
//
// One file here registers it: h264.go, h265.go and aac.go are the examples, with longer parts
// beside them (h264_nal.go, aac_entry.go). Each protocol that carries the codec then needs a row
// in its table: for RTP, which RTSP and WebRTC share, stages/ingest/rtp/codecs.go, with a
// depacketizer if access units are lists of NAL units. The tests of package cmd/spool/newcodec
// add codecs in this way.
//
// # Units
//
// An access unit is a list of NAL units, whose parameter sets may come in the stream, or one
// frame. Ingest assembles pictures from NAL units with the functions of NAL; it uses a frame
// unchanged.
package codec
