// Package codec knows the codings of pictures and sound, wherever their bytes come
// from: a session description, a stream, a file. Nothing outside it decides by which
// codec a track has, but the tables of the protocols, which have a row for each.
//
// # Adding a codec
//
// One file here registers it: h264.go, h265.go and aac.go are the examples, with what
// is long beside them (h264_nal.go, aac_entry.go). Then a protocol that carries it gets
// a row in its table: of RTP, which RTSP and WebRTC share, stages/ingest/rtp/codecs.go,
// with a depacketizer where access units are lists of NAL units. Package cmd/spool/newcodec adds codecs in
// its tests in this way.
//
// # Units
//
// An access unit is a list of NAL units, whose parameter sets may come in the stream,
// or one frame. Ingest assembles pictures of NAL units by what NAL says of them; a
// frame it takes as it is.
package codec
