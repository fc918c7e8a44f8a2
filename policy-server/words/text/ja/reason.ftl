# reason
