//! Without the product: stock tools and an independent decoder restore everything.
