// Package rtsp plays live streams to clients of an RTSP server (RFC 2326).
//
//	hub.Reader --live.Unit--> Player --rtp.Frames--> Outlet: the client's connection, or UDP
//
// The server, package stages/ingest/rtsp, speaks with the clients. For DESCRIBE it calls Describe, and for PLAY it runs a
// Player, which writes the packets of one client. A client that takes them too slowly loses whole GOPs: the Player blocks,
// and the hub's reader then goes on at the newest key frame.
package rtsp
