int pv_bare(void);
