"""Route: who needs to know? Decides once, sends each recipient its view, writes every decision down."""
