!> The C library from Fortran: the interface of include/amc.h as a module, name by name, and a few helpers.
!>
!> Points are arrays x(dim, count): one point is a column, without gaps. Sizes are integer(c_size_t). What every function
!> does, and the errors it gives, stands in amc.h; a test compares the names of the two.
module amc
    use, intrinsic :: iso_c_binding
    implicit none
    public

    !> AMC_ABI_VERSION of the header, which Fortran could not tell from amc_abi_version.
    integer(c_int32_t), parameter :: AMC_ABI = 0

    integer(c_int32_t), parameter :: AMC_OK = 0, AMC_ERROR_NULL = 1, AMC_ERROR_SHAPE = 2, AMC_ERROR_VALUE = 3
    integer(c_int32_t), parameter :: AMC_ERROR_NOT_FINITE = 4, AMC_ERROR_UTF8 = 5, AMC_ERROR_CONFIGURATION = 6
    integer(c_int32_t), parameter :: AMC_ERROR_FILE = 7, AMC_ERROR_TARGET = 8, AMC_ERROR_STOPPED = 9
    integer(c_int32_t), parameter :: AMC_ERROR_NUMERICAL = 10, AMC_ERROR_PANIC = 11
    integer(c_int32_t), parameter :: AMC_ISOTROPIC = 0, AMC_DIAGONAL = 1, AMC_FULL = 2
    integer(c_int32_t), parameter :: AMC_VP_LINEAR = 0, AMC_VP_COSINE = 1, AMC_VE_GEOMETRIC = 2, AMC_VE_RHO_7 = 3
    integer(c_int32_t), parameter :: AMC_HEALTHY = 0, AMC_UNVERIFIED = 1, AMC_SUSPECT = 2
    integer, parameter :: AMC_MESSAGE_LENGTH = 1008

    type, bind(c) :: amc_error
        integer(c_int32_t) :: status = 0
        integer(c_int32_t) :: code = 0
        !> Counted from 0; -1 where no point is at fault.
        integer(c_int64_t) :: row = -1
        character(kind=c_char) :: message(AMC_MESSAGE_LENGTH) = c_null_char
    end type

    type, bind(c) :: amc_points
        type(c_ptr) :: data = c_null_ptr
        integer(c_size_t) :: count = 0, dim = 0, row_stride = 0, column_stride = 1
    end type

    type, bind(c) :: amc_points_mut
        type(c_ptr) :: data = c_null_ptr
        integer(c_size_t) :: count = 0, dim = 0, row_stride = 0, column_stride = 1
    end type

    type, bind(c) :: amc_values
        type(c_ptr) :: data = c_null_ptr
        integer(c_size_t) :: count = 0, stride = 1
    end type

    type, bind(c) :: amc_values_mut
        type(c_ptr) :: data = c_null_ptr
        integer(c_size_t) :: count = 0, stride = 1
    end type

    type, bind(c) :: amc_covariance
        integer(c_int32_t) :: kind = AMC_ISOTROPIC
        type(c_ptr) :: data = c_null_ptr
        integer(c_size_t) :: count = 1
    end type

    type, bind(c) :: amc_schedule
        integer(c_size_t) :: size = 48
        integer(c_int32_t) :: kind = AMC_VP_LINEAR, reserved = 0
        real(c_double) :: beta_min = 0, beta_max = 0, sigma_min = 0, sigma_max = 0
    end type

    type, bind(c) :: amc_target
        integer(c_size_t) :: size = 56
        integer(c_size_t) :: dim = 0
        type(c_ptr) :: user = c_null_ptr
        type(c_funptr) :: log_densities = c_null_funptr, scores = c_null_funptr, hessian_products = c_null_funptr
        integer(c_size_t) :: points_at_once = 0
    end type

    type, bind(c) :: amc_options
        integer(c_size_t) :: size = 80
        type(c_ptr) :: settings = c_null_ptr, seed = c_null_ptr
        integer(c_size_t) :: threads = 0
        type(c_ptr) :: backbone = c_null_ptr, reference_mean = c_null_ptr, reference_scale = c_null_ptr
        real(c_double) :: finite_difference_step = 0
        type(c_funptr) :: progress = c_null_funptr
        type(c_ptr) :: progress_user = c_null_ptr
    end type

    type, bind(c) :: amc_progress
        integer(c_size_t) :: size
        type(c_ptr) :: phase
        integer(c_size_t) :: done, length
        real(c_double) :: effective_sample_size, rejection
    end type

    type, bind(c) :: amc_summary
        integer(c_size_t) :: size = 104
        integer(c_size_t) :: count = 0, dim = 0
        real(c_double) :: log_z = 0, log_z_std_error = 0, effective_sample_size = 0, acceptance_rate = 0
        integer(c_int64_t) :: density_evaluations = 0, score_evaluations = 0, hessian_product_evaluations = 0
        integer(c_int64_t) :: not_finite = 0
        real(c_double) :: seconds = 0
        integer(c_int32_t) :: verdict = 0, coverage_verified = 0
    end type

    !> What callbacks look like: bind(c) functions of these interfaces, handed over by c_funloc.
    abstract interface
        function amc_log_densities_fn(user, count, dim, x, log_densities) bind(c) result(code)
            import :: c_ptr, c_size_t, c_double, c_int
            type(c_ptr), value :: user
            integer(c_size_t), value :: count, dim
            real(c_double), intent(in) :: x(dim, count)
            real(c_double), intent(out) :: log_densities(count)
            integer(c_int) :: code
        end function

        function amc_scores_fn(user, count, dim, x, log_densities, scores) bind(c) result(code)
            import :: c_ptr, c_size_t, c_double, c_int
            type(c_ptr), value :: user
            integer(c_size_t), value :: count, dim
            real(c_double), intent(in) :: x(dim, count)
            real(c_double), intent(out) :: log_densities(count), scores(dim, count)
            integer(c_int) :: code
        end function

        function amc_hessian_products_fn(user, count, dim, x, v, products) bind(c) result(code)
            import :: c_ptr, c_size_t, c_double, c_int
            type(c_ptr), value :: user
            integer(c_size_t), value :: count, dim
            real(c_double), intent(in) :: x(dim, count), v(dim, count)
            real(c_double), intent(out) :: products(dim, count)
            integer(c_int) :: code
        end function

        function amc_progress_fn(user, progress) bind(c) result(code)
            import :: c_ptr, amc_progress, c_int
            type(c_ptr), value :: user
            type(amc_progress), intent(in) :: progress
            integer(c_int) :: code
        end function
    end interface

    interface
        function amc_abi_version() bind(c) result(version)
            import :: c_int32_t
            integer(c_int32_t) :: version
        end function

        function amc_version() bind(c) result(text)
            import :: c_ptr
            type(c_ptr) :: text
        end function

        function amc_status_name(status) bind(c) result(text)
            import :: c_ptr, c_int32_t
            integer(c_int32_t), value :: status
            type(c_ptr) :: text
        end function

        function amc_rows(data, count, dim) bind(c) result(points)
            import :: c_ptr, c_size_t, amc_points
            type(c_ptr), value :: data
            integer(c_size_t), value :: count, dim
            type(amc_points) :: points
        end function

        function amc_rows_mut(data, count, dim) bind(c) result(points)
            import :: c_ptr, c_size_t, amc_points_mut
            type(c_ptr), value :: data
            integer(c_size_t), value :: count, dim
            type(amc_points_mut) :: points
        end function

        function amc_columns(data, count, dim) bind(c) result(points)
            import :: c_ptr, c_size_t, amc_points
            type(c_ptr), value :: data
            integer(c_size_t), value :: count, dim
            type(amc_points) :: points
        end function

        function amc_columns_mut(data, count, dim) bind(c) result(points)
            import :: c_ptr, c_size_t, amc_points_mut
            type(c_ptr), value :: data
            integer(c_size_t), value :: count, dim
            type(amc_points_mut) :: points
        end function

        function amc_list(data, count) bind(c) result(values)
            import :: c_ptr, c_size_t, amc_values
            type(c_ptr), value :: data
            integer(c_size_t), value :: count
            type(amc_values) :: values
        end function

        function amc_list_mut(data, count) bind(c) result(values)
            import :: c_ptr, c_size_t, amc_values_mut
            type(c_ptr), value :: data
            integer(c_size_t), value :: count
            type(amc_values_mut) :: values
        end function

        function amc_mixture_new(weights, means, covariance, mixture, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_values, amc_points, amc_covariance, amc_error
            type(amc_values), value :: weights
            type(amc_points), value :: means
            type(amc_covariance), value :: covariance
            type(c_ptr), intent(out) :: mixture
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_mixture_from_json(json, mixture, error) bind(c) result(status)
            import :: c_ptr, c_char, c_int32_t, amc_error
            character(kind=c_char), intent(in) :: json(*)
            type(c_ptr), intent(out) :: mixture
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_mixture_from_file(path, mixture, error) bind(c) result(status)
            import :: c_ptr, c_char, c_int32_t, amc_error
            character(kind=c_char), intent(in) :: path(*)
            type(c_ptr), intent(out) :: mixture
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_mixture_json(mixture, buffer, capacity, length, error) bind(c) result(status)
            import :: c_ptr, c_size_t, c_int32_t, amc_error
            type(c_ptr), value :: mixture, buffer
            integer(c_size_t), value :: capacity
            integer(c_size_t), intent(out) :: length
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_mixture_dim(mixture) bind(c) result(dim)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: mixture
            integer(c_size_t) :: dim
        end function

        function amc_mixture_components(mixture) bind(c) result(components)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: mixture
            integer(c_size_t) :: components
        end function

        subroutine amc_mixture_free(mixture) bind(c)
            import :: c_ptr
            type(c_ptr), value :: mixture
        end subroutine

        function amc_density_new(mixture, density, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_error
            type(c_ptr), value :: mixture
            type(c_ptr), intent(out) :: density
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_density_noised(mixture, alpha, variance, density, error) bind(c) result(status)
            import :: c_ptr, c_double, c_int32_t, amc_error
            type(c_ptr), value :: mixture
            real(c_double), value :: alpha, variance
            type(c_ptr), intent(out) :: density
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_density_at(mixture, schedule, t, density, error) bind(c) result(status)
            import :: c_ptr, c_double, c_int32_t, amc_schedule, amc_error
            type(c_ptr), value :: mixture
            type(amc_schedule), intent(in) :: schedule
            real(c_double), value :: t
            type(c_ptr), intent(out) :: density
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_density_dim(density) bind(c) result(dim)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: density
            integer(c_size_t) :: dim
        end function

        function amc_density_log_densities(density, x, log_densities, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_points, amc_values_mut, amc_error
            type(c_ptr), value :: density
            type(amc_points), value :: x
            type(amc_values_mut), value :: log_densities
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_density_scores(density, x, log_densities, scores, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_points, amc_points_mut, amc_values_mut, amc_error
            type(c_ptr), value :: density
            type(amc_points), value :: x
            type(amc_values_mut), value :: log_densities
            type(amc_points_mut), value :: scores
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_density_hessian_products(density, x, v, products, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_points, amc_points_mut, amc_error
            type(c_ptr), value :: density
            type(amc_points), value :: x, v
            type(amc_points_mut), value :: products
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_density_sample(density, seed, x, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, c_int64_t, amc_points_mut, amc_error
            type(c_ptr), value :: density
            integer(c_int64_t), value :: seed
            type(amc_points_mut), value :: x
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        subroutine amc_density_free(density) bind(c)
            import :: c_ptr
            type(c_ptr), value :: density
        end subroutine

        function amc_sample(target, options, result, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_target, amc_options, amc_error
            type(amc_target), intent(in) :: target
            type(amc_options), intent(in) :: options
            type(c_ptr), intent(out) :: result
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_sample_mixture(mixture, options, result, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_options, amc_error
            type(c_ptr), value :: mixture
            type(amc_options), intent(in) :: options
            type(c_ptr), intent(out) :: result
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_result_count(result) bind(c) result(count)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: result
            integer(c_size_t) :: count
        end function

        function amc_result_dim(result) bind(c) result(dim)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: result
            integer(c_size_t) :: dim
        end function

        function amc_result_positions(result, positions, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_points_mut, amc_error
            type(c_ptr), value :: result
            type(amc_points_mut), value :: positions
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_result_weights(result, weights, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_values_mut, amc_error
            type(c_ptr), value :: result
            type(amc_values_mut), value :: weights
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_result_log_weights(result, log_weights, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_values_mut, amc_error
            type(c_ptr), value :: result
            type(amc_values_mut), value :: log_weights
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_result_summary(result, summary, error) bind(c) result(status)
            import :: c_ptr, c_int32_t, amc_summary, amc_error
            type(c_ptr), value :: result
            type(amc_summary), intent(inout) :: summary
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_result_json(result, buffer, capacity, length, error) bind(c) result(status)
            import :: c_ptr, c_size_t, c_int32_t, amc_error
            type(c_ptr), value :: result, buffer
            integer(c_size_t), value :: capacity
            integer(c_size_t), intent(out) :: length
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        function amc_result_settings(result, buffer, capacity, length, error) bind(c) result(status)
            import :: c_ptr, c_size_t, c_int32_t, amc_error
            type(c_ptr), value :: result, buffer
            integer(c_size_t), value :: capacity
            integer(c_size_t), intent(out) :: length
            type(amc_error), intent(out) :: error
            integer(c_int32_t) :: status
        end function

        subroutine amc_result_free(result) bind(c)
            import :: c_ptr
            type(c_ptr), value :: result
        end subroutine
    end interface

    !> The view of a variable x(dim, count) or x(count) with the attribute target, to read: one point is a column.
    interface amc_view
        module procedure view_points, view_values
    end interface

    !> The same to write.
    interface amc_view_mut
        module procedure view_points_mut, view_values_mut
    end interface

contains

    function view_points(x) result(points)
        real(c_double), intent(in), target, contiguous :: x(:, :)
        type(amc_points) :: points
        points = amc_rows(c_loc(x), size(x, 2, c_size_t), size(x, 1, c_size_t))
    end function

    function view_points_mut(x) result(points)
        real(c_double), intent(inout), target, contiguous :: x(:, :)
        type(amc_points_mut) :: points
        points = amc_rows_mut(c_loc(x), size(x, 2, c_size_t), size(x, 1, c_size_t))
    end function

    function view_values(x) result(values)
        real(c_double), intent(in), target, contiguous :: x(:)
        type(amc_values) :: values
        values = amc_list(c_loc(x), size(x, 1, c_size_t))
    end function

    function view_values_mut(x) result(values)
        real(c_double), intent(inout), target, contiguous :: x(:)
        type(amc_values_mut) :: values
        values = amc_list_mut(c_loc(x), size(x, 1, c_size_t))
    end function

    !> The message of an error as Fortran has texts.
    function amc_message(error) result(text)
        type(amc_error), intent(in) :: error
        character(len=:), allocatable :: text
        integer :: i, length
        length = findloc(error%message, c_null_char, dim=1) - 1
        allocate (character(len=length) :: text)
        do i = 1, length
            text(i:i) = error%message(i)
        end do
    end function

end module
